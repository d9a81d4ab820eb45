// Makes more of what stands in the page already: tooltips, and tables that sort, filter and grow. Text goes into the
// page as text alone (textContent), and nothing is loaded.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.querySelector(".tip");
  const SVG = "http://www.w3.org/2000/svg";
  const NEAR = 28;

  const make = (tag, parent, text) => {
    const element = parent.appendChild(document.createElement(tag));
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // ---- tooltips

  const show = (lines, x, y) => {
    tip.replaceChildren();
    for (const line of lines) make("div", tip, line);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 4))}px`;
    tip.style.top = `${y + box.height + 18 > innerHeight ? y - box.height - 10 : y + 14}px`;
  };
  const hide = () => {
    tip.hidden = true;
  };

  const readable = (svg, found) => {
    const points = found.series.flatMap(([label, its], line) => its.map((point) => ({ label, line, point })));
    const ring = svg.appendChild(document.createElementNS(SVG, "circle"));
    ring.setAttribute("r", "7");
    ring.setAttribute("class", "ring");
    let at = -1;
    const scale = () => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const leave = () => {
      ring.classList.remove("on");
      hide();
    };
    const read = (place) => {
      at = place;
      const { label, point } = points[place];
      const box = svg.getBoundingClientRect();
      ring.setAttribute("cx", point[0]);
      ring.setAttribute("cy", point[1]);
      ring.classList.add("on");
      const said = [point[4] ? `${label}, ${point[4]}` : label, `${found.x || "across"}: ${point[2]}`];
      if (found.y) said.push(`${found.y}: ${point[3]}`);
      show(said, box.left + point[0] * scale(), box.top + point[1] * scale());
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / scale(), (event.clientY - box.top) / scale()];
      let best = -1;
      let least = NEAR ** 2;
      points.forEach(({ point }, place) => {
        const far = (point[0] - x) ** 2 + (point[1] - y) ** 2;
        if (far < least) [best, least] = [place, far];
      });
      if (best < 0) leave();
      else if (best !== at || tip.hidden) read(best);
    });
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("blur", leave);
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-roledescription", "figure whose points the arrow keys read");
    svg.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1 };
      if (event.key === "Escape") return leave();
      if (event.key in steps) {
        read((at + steps[event.key] + points.length) % points.length);
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const lines = found.series.length;
        const line = ((at < 0 ? -1 : points[at].line) + (event.key === "ArrowDown" ? 1 : lines - 1)) % lines;
        read(points.findIndex((one) => one.line === (line + lines) % lines));
      } else return undefined;
      return event.preventDefault();
    });
  };

  // ---- tables

  const collator = new Intl.Collator("en", { numeric: true });
  const numberOf = (text) => (/\d/.test(text) ? Number(text.replaceAll(",", "")) : NaN);
  // Numbers by size, then words, of which r1/2 comes before r1/10, then what is missing.
  const rank = (text) => (Number.isNaN(numberOf(text)) ? (text === "-" ? 2 : 1) : 0);
  const compare = (a, b) => {
    const [first, second] = [a, b].map((text) => text.trim());
    const apart = rank(second) - rank(first);
    if (apart) return apart;
    return rank(first) ? collator.compare(second, first) : numberOf(second) - numberOf(first);
  };
  Tablesort.extend("value", () => false, compare);

  const rowOf = (found, [number, place, cells]) => {
    const row = document.createElement("tr");
    row.dataset.trial = number;
    cells.forEach((cell, column) => {
      const element = make(column ? "td" : "th", row);
      if (!column) element.scope = "row";
      if (found.words.includes(column)) element.className = "words";
      if (column === 1) {
        const mark = make("span", element, found.looks[place][0]);
        mark.style.color = found.looks[place][1];
        mark.setAttribute("aria-hidden", "true");
        element.append(" ");
      }
      element.append(cell);
    });
    return row;
  };

  // `units>=32`, `layers=1`, `family=gru`, or any word; all of them must hold.
  const condition = (found, word) => {
    const parts = word.match(/^(.+?)(<=|>=|<|>|=)(.+)$/);
    const column = parts ? found.heads.findIndex((head) => head.toLowerCase() === parts[1]) : -1;
    if (column < 0) return (cells) => cells.some((cell) => cell.toLowerCase().includes(word));
    const wanted = parts[3];
    const number = Number(wanted);
    return (cells) => {
      if (parts[2] === "=" && cells[column].toLowerCase() === wanted) return true;
      const is = numberOf(cells[column]);
      return { "=": is === number, "<": is < number, ">": is > number, "<=": is <= number, ">=": is >= number }[parts[2]];
    };
  };

  const table = (anchor, found) => {
    const element = document.getElementById(`${anchor}-table`);
    const form = document.querySelector(`[data-controls="${anchor}"]`);
    const [input, button, output] = ["input", "button", "output"].map((tag) => form.querySelector(tag));
    const svg = document.querySelector(`[data-figure="${anchor}-parallel"]`);
    const cells = new Map(found.rows.map((row) => [row[0], row[2]]));
    const body = element.tBodies[0];
    const lines = new Map();
    const groups = (svg && (data.figures[`${anchor}-parallel`] || {}).lines) || {};
    for (const [place, numbers] of Object.entries(groups)) {
      const paths = svg.querySelectorAll(`[data-lines="${place}"] path`);
      numbers.forEach((number, at) => paths[at] && lines.set(number, paths[at]));
    }
    const told = (number) => {
      const row = cells.get(number);
      return [`${row[1]}, ${row[0]}`, ...row.slice(2).map((cell, at) => `${found.heads[at + 2]}: ${cell}`)];
    };
    const light = (number, on) => {
      if (lines.has(number)) lines.get(number).classList.toggle("on", on);
      const row = body.querySelector(`[data-trial="${number}"]`);
      if (row) row.classList.toggle("on", on);
    };
    const whole = () => {
      if (body.rows.length < found.rows.length) {
        body.replaceChildren(...found.rows.map((row) => rowOf(found, row)));
        element.caption.firstChild.data = `All ${found.rows.length} trials. As a file: `;
        sorter.refresh();
      }
      button.hidden = true;
    };
    const filter = () => {
      whole();
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean).map((word) => condition(found, word));
      const holds = new Set(found.rows.filter((row) => wanted.every((one) => one(row[2]))).map((row) => row[0]));
      for (const row of body.rows) row.hidden = !holds.has(Number(row.dataset.trial));
      lines.forEach((path, number) => path.classList.toggle("off", !holds.has(number)));
      output.textContent = wanted.length ? `${holds.size} of ${found.rows.length} ${found.noun || "trials"}` : "";
    };
    const sorter = new Tablesort(element);
    form.hidden = false;
    button.hidden = body.rows.length === found.rows.length;
    button.addEventListener("click", whole);
    input.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    body.addEventListener("pointerover", (event) => {
      const row = event.target.closest("tr");
      body.querySelectorAll("tr.on").forEach((one) => light(Number(one.dataset.trial), false));
      if (row) light(Number(row.dataset.trial), true);
    });
    body.addEventListener("pointerleave", () => {
      body.querySelectorAll("tr.on").forEach((one) => light(Number(one.dataset.trial), false));
    });
    lines.forEach((path, number) => {
      path.addEventListener("pointermove", (event) => {
        light(number, true);
        show(told(number), event.clientX, event.clientY);
      });
      path.addEventListener("pointerleave", () => {
        light(number, false);
        hide();
      });
    });
  };

  document.querySelectorAll("[data-figure]").forEach((svg) => {
    const found = data.figures[svg.dataset.figure];
    if (found && found.series) readable(svg, found);
  });
  Object.entries(data.tables).forEach(([anchor, found]) => table(anchor, found));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
