/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * What runs in a browser. Each function is sent as text, so it refers to nothing outside itself.
 * @module
 */

/**
 * Search and filter of the assurance report. What is looked for stands in the address after `#?`, so that it
 * can be shared; an address with the id of an entry shows that entry.
 */
export function findEntries(): void {
  const form = document.querySelector("form");
  const words = document.querySelector<HTMLInputElement>("#words");
  const state = document.querySelector<HTMLSelectElement>("#state");
  const found = document.querySelector("#found");
  if (form === null || words === null || state === null || found === null) return;
  const entries = [...document.querySelectorAll<HTMLElement>("[data-entry]")];
  const sections = [...document.querySelectorAll<HTMLElement>("main section")];
  const texts = new Map(entries.map((entry) => [entry, entry.textContent.toLowerCase()]));

  const show = (): void => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      const text = texts.get(entry) ?? "";
      const isOfState = state.value === "" || entry.dataset["state"] === state.value;
      const isShown = isOfState && wanted.every((word) => text.includes(word));
      entry.hidden = !isShown;
      if (isShown) count += 1;
    }
    const isLooking = wanted.length > 0 || state.value !== "";
    for (const section of sections) {
      const isEmpty = section.querySelector("[data-entry]:not([hidden])") === null;
      section.hidden = isLooking && isEmpty;
    }
    found.textContent = isLooking ? `${count} of ${entries.length} entries` : "";
  };

  const remember = (): void => {
    const asked = new URLSearchParams();
    if (words.value !== "") asked.set("find", words.value);
    if (state.value !== "") asked.set("state", state.value);
    const address = asked.size === 0 ? "#" : `#?${asked.toString()}`;
    history.replaceState(null, "", address);
    show();
  };

  const recall = (): void => {
    const { hash } = location;
    const asked = new URLSearchParams(hash.startsWith("#?") ? hash.slice(2) : "");
    words.value = asked.get("find") ?? "";
    state.value = asked.get("state") ?? "";
    show();
    if (hash.length > 1 && !hash.startsWith("#?")) document.getElementById(hash.slice(1))?.scrollIntoView();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
  });
  form.addEventListener("reset", () => {
    setTimeout(remember);
  });
  words.addEventListener("input", remember);
  state.addEventListener("change", remember);
  addEventListener("hashchange", recall);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === words) return;
    event.preventDefault();
    words.focus();
  });
  recall();
}

/** What `stepThrough` finds in the page: the files after each step, and each state of each file. */
interface ReplayData {
  readonly violation?: { readonly expected: string; readonly seen: string };
  readonly steps: readonly (readonly number[])[];
  readonly files: readonly {
    readonly path: string;
    readonly name: string;
    readonly size: string;
    readonly sectors: readonly {
      readonly start: number;
      readonly end: number;
      readonly fate: string;
      readonly bytes: string;
    }[];
    readonly fields: readonly {
      readonly at: number;
      readonly end: number;
      readonly name: string;
      readonly says: string;
    }[];
  }[];
}

/** Goes through the steps of a replay, and shows what the disk holds after each. */
export function stepThrough(): void {
  const data = JSON.parse(document.querySelector("#data")?.textContent ?? "") as ReplayData;
  const disk = document.querySelector("#disk");
  const slider = document.querySelector<HTMLInputElement>("#step");
  const place = document.querySelector("#place");
  const items = [...document.querySelectorAll<HTMLElement>(".steps > li")];
  if (disk === null || slider === null || place === null) return;
  const last = items.length - 1;
  const opened = new Set<string>();
  let at = 0;

  const element = (name: string, className: string, ...children: readonly (Node | string)[]): HTMLElement => {
    const made = document.createElement(name);
    if (className !== "") made.className = className;
    made.append(...children);
    return made;
  };

  const bytesOf = (hex: string): number[] => hex.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];

  const rowsOf = (hex: string, start: number): string => {
    const bytes = bytesOf(hex);
    const rows: string[] = [];
    for (let from = 0; from < bytes.length; from += 16) {
      const row = bytes.slice(from, from + 16);
      const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
      rows.push(`${String(start + from).padStart(6)}  ${digits.padEnd(47)}  ${letters}`);
    }
    return rows.join("\n");
  };

  const fieldsOf = (file: ReplayData["files"][number]): HTMLElement => {
    const hex = file.sectors.map(({ bytes }) => bytes).join("");
    const rows = file.fields.map(({ at: from, end, name, says }) => {
      const bytes = hex.slice(2 * from, 2 * end);
      const shown = bytes.length > 32 ? `${bytes.slice(0, 32)}...` : bytes;
      const cells = [`${String(from)}..${String(end)}`, name, element("code", "", shown), says];
      return element("tr", "", ...cells.map((cell) => element("td", "", cell)));
    });
    const heads = ["position", "field", "bytes", "meaning"].map((head) => element("th", "", head));
    const body = element("tbody", "", ...rows);
    return element("table", "", element("thead", "", element("tr", "", ...heads)), body);
  };

  const cardOf = (number: number, isNew: boolean): HTMLElement | undefined => {
    const file = data.files[number];
    if (file === undefined) return undefined;
    const title = element("h3", "", file.path);
    const name = element("span", `fate ${file.name}`, file.name);
    const about = element(
      "p",
      "quiet",
      `${file.size}; the name is `,
      name,
      isNew ? "; changed by this step" : "",
    );
    const card = element("article", isNew ? "entry changed" : "entry", title, about);
    for (const { start, end, fate, bytes } of file.sectors) {
      const word = element("span", `fate ${fate}`, fate);
      const label = element("p", "", `${String(start)}..${String(end)} `, word);
      const dump = element("pre", "", rowsOf(bytes, start));
      dump.tabIndex = 0;
      card.append(element("div", `sector ${fate}`, label, dump));
    }
    if (file.fields.length === 0) return card;
    const scroll = element("div", "scroll", fieldsOf(file));
    scroll.tabIndex = 0;
    const details = element(
      "details",
      "",
      element("summary", "", "Field by field"),
      scroll,
    ) as HTMLDetailsElement;
    details.open = opened.has(file.path);
    details.addEventListener("toggle", () => {
      if (details.open) opened.add(file.path);
      else opened.delete(file.path);
    });
    card.append(details);
    return card;
  };

  /** What the model or the engine said last, up to this step. */
  const saidBy = (who: "model" | "engine"): HTMLElement => {
    const panel = (title: string, text: string): HTMLElement =>
      element("section", "", element("h2", "", title), element("pre", "", text));
    if (at === last && data.violation !== undefined)
      return who === "model"
        ? panel("Expected", data.violation.expected)
        : panel("Seen", data.violation.seen);
    const step = items.slice(0, at + 1).findLastIndex((item) => item.querySelector(`.${who}`) !== null);
    const text = items[step]?.querySelector(`.${who}`)?.textContent ?? "has said nothing yet";
    return panel(step < 0 ? `The ${who}` : `The ${who}, at step ${String(step + 1)}`, text);
  };

  const show = (step: number, isMoving = true): void => {
    items[at]?.querySelector("button")?.removeAttribute("aria-current");
    at = Math.max(0, Math.min(last, step));
    const before = new Set(data.steps[at - 1] ?? []);
    const files = data.steps[at] ?? [];
    const [changed, others] = [
      files.filter((one) => !before.has(one)),
      files.filter((one) => before.has(one)),
    ];
    const cards = [...changed, ...others].flatMap((one) => cardOf(one, !before.has(one)) ?? []);
    const said = element("div", "both", saidBy("model"), saidBy("engine"));
    const nothing = element("p", "quiet", "No files yet.");
    const title = element("h2", "", "The disk after this step");
    disk.replaceChildren(said, title, ...(cards.length === 0 ? [nothing] : cards));
    slider.value = String(at + 1);
    place.textContent = `${String(at + 1)} of ${String(items.length)}`;
    items[at]?.querySelector("button")?.setAttribute("aria-current", "step");
    items[at]?.scrollIntoView({ block: "nearest" });
    for (const [id, isOff] of [
      ["first", at === 0],
      ["back", at === 0],
      ["forward", at === last],
      ["last", at === last],
    ] as const) {
      const button = document.querySelector<HTMLButtonElement>(`#${id}`);
      if (button !== null) button.disabled = isOff;
    }
    if (isMoving) history.replaceState(null, "", `#step-${String(at + 1)}`);
  };

  for (const [i, item] of items.entries())
    item.querySelector("button")?.addEventListener("click", () => {
      show(i);
    });
  const moves = { first: () => 0, back: () => at - 1, forward: () => at + 1, last: () => last };
  for (const [id, to] of Object.entries(moves))
    document.querySelector(`#${id}`)?.addEventListener("click", () => {
      show(to());
    });
  slider.addEventListener("input", () => {
    show(Number(slider.value) - 1);
  });
  document.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if (event.target === slider || event.ctrlKey || event.metaKey || event.altKey) return;
    const focused = event.target instanceof Element ? event.target.closest("pre, .scroll, #disk") : null;
    if (focused !== null && focused.scrollWidth > focused.clientWidth) return;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  const recall = (): void => {
    const step = /^#step-(\d+)$/.exec(location.hash)?.[1];
    show(step === undefined ? last : Number(step) - 1, false);
  };
  addEventListener("hashchange", recall);
  recall();
}
