// Rules about what can be seen: they look at texts and boxes in the page.
import type { Drawn } from './record';

// texts are the pieces of text below an element, with the boxes that they fill.
function texts(element: HTMLElement): Array<{ text: string; parent: HTMLElement; box: DOMRect }> {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (node.textContent?.trim() && box.width > 0) found.push({ text: node.textContent, parent: node.parentElement!, box });
  }
  return found;
}

// leftovers finds variables that nobody replaced.
export function leftovers(element: HTMLElement): string[] {
  return texts(element).filter(({ text }) => /\$\{|\$__|\[\[/.test(text)).map(({ text }) => text);
}

const cells = '[role=columnheader], [role=gridcell]';

// clipped finds cells of a table that show less than their text, and columns that do
// not fit into their panel; a phone may scroll sideways.
export function clipped({ panel }: Drawn, element: HTMLElement): string[] {
  if (panel.type !== 'table') return [];
  const grid = element.querySelector<HTMLElement>('[role=grid]');
  if (!grid) return [];
  const found: string[] = [];
  if (innerWidth > 768 && grid.scrollWidth > grid.clientWidth + 1) found.push(`columns need ${grid.scrollWidth} px, the panel has ${grid.clientWidth}`);
  for (const cell of grid.querySelectorAll<HTMLElement>(cells)) {
    const cut = [cell, ...cell.querySelectorAll<HTMLElement>('*')].some((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible');
    if (cut && cell.textContent) found.push(`"${cell.textContent}" is cut off`);
  }
  return [...new Set(found)].slice(0, 5);
}

// covered finds numbers of a stat that its sparkline runs through.
export function covered({ panel }: Drawn, element: HTMLElement): string[] {
  if (panel.type !== 'stat') return [];
  const plots = [...element.querySelectorAll('.uplot')].map((e) => e.getBoundingClientRect());
  return values(element).filter(({ box }) => plots.some((plot) => shared(box, plot) > 0.3 * box.width * box.height)).map(({ text }) => `the sparkline runs through ${text}`);
}

// overlapping finds texts of a stat that are on one another.
export function overlapping({ panel }: Drawn, element: HTMLElement): string[] {
  if (panel.type !== 'stat' && panel.type !== 'bargauge') return [];
  const all = values(element).map(({ text, box }) => ({ text, box: inked(box) }));
  return all.flatMap((a, i) => all.slice(i + 1).filter((b) => shared(a.box, b.box) > 4).map((b) => `"${a.text}" is on "${b.text}"`));
}

// values are the texts of the panel's content: not its header's.
function values(element: HTMLElement) {
  const content = element.querySelector<HTMLElement>('[data-testid="data-testid panel content"]') ?? element;
  return texts(content);
}

// inked leaves out the room that a font keeps above and below its letters.
function inked(box: DOMRect): DOMRect {
  return new DOMRect(box.x, box.y + 0.2 * box.height, box.width, 0.6 * box.height);
}

function shared(a: DOMRect, b: DOMRect): number {
  const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return wide > 0 && tall > 0 ? wide * tall : 0;
}

// greenNothing finds "no data" in the colour of all is well.
export function greenNothing({ panel }: Drawn, element: HTMLElement): string[] {
  const nothing = new Set(['no data', String(panel.fieldConfig?.defaults.noValue ?? 'no data').toLowerCase()]);
  return values(element).filter(({ text, parent }) => nothing.has(text.trim().toLowerCase()) && [parent, ...above(parent, element)].some(isGreen))
    .map(({ text }) => `"${text}" is green`);
}

function above(from: HTMLElement, to: HTMLElement): HTMLElement[] {
  const list = [];
  for (let e = from.parentElement; e && e !== to; e = e.parentElement) list.push(e);
  return list;
}

function isGreen(element: HTMLElement): boolean {
  const style = getComputedStyle(element);
  return [style.color, style.backgroundColor].some((color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
    return a > 0.1 && g > 1.25 * r && g > 1.25 * b;
  });
}
