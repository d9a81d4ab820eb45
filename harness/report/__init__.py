"""What a sweep found, for people: text, an HTML page, figures and tables, made from finished records.

Every function returns text; nothing here prints, writes files, trains, or knows MLflow and TensorFlow. Import from the
modules: `terminal.text`, `html.html`, `tables.trials_csv`, `tables.markdown`, `tables.latex`, `figures`.
"""
