// Follows the links of cells and lines, and finds those that lead to an empty page.
import type { DataFrame, Field } from '@grafana/data';
import { ask, dashboardNamed, dashboardUIDs, sourcesOf } from './query';
import { panels } from './record';
import { resolve } from './variables';
import type { Finding } from './rules';
import type { Dashboard, Panel, View } from './model';

// brokenLinks tries the links of the first rows and of the last of each field. Of a line
// there is one, whatever the row.
export async function brokenLinks(view: View): Promise<Finding[]> {
  const tried = new Map<string, Promise<string>>();
  const findings: Finding[] = [];
  for (const { panel, frames } of panels.values()) {
    for (const { href, of } of frames.flatMap((frame) => frame.fields.flatMap((field) => links(panel, frame, field)))) {
      if (!tried.has(href)) tried.set(href, follow(view, href).catch((e) => e.message));
      const problem = await tried.get(href)!;
      if (problem) findings.push({ rule: 'link', panel: panel.title, text: `${of}: ${href}: ${problem}` });
    }
  }
  return findings;
}

function links(panel: Panel, frame: DataFrame, field: Field) {
  if (!field.getLinks || field.type === 'time' || frame.length === 0) return [];
  const rows = panel.type === 'table' ? [...new Set([0, 1, frame.length - 1])].filter((n) => n < frame.length) : [frame.length - 1];
  return rows.filter((row) => field.values[row] != null).flatMap((row) => field.getLinks!({ valueRowIndex: row }).map(({ href }) => ({
    href, of: panel.type === 'table' ? String(field.values[row]) : field.state?.displayName ?? field.name,
  })));
}

// follow opens a link to one of our dashboards, and says what is wrong with it: unknown
// variables, or no rows in any panel that uses those that the link sets.
async function follow(view: View, href: string): Promise<string> {
  const url = new URL(href, location.href);
  const file = (await dashboardUIDs())[url.pathname.split('/')[2]];
  if (!file) return 'there is no such dashboard';
  const dashboard: Dashboard = await dashboardNamed(file);
  const there: View = { ...view, from: Number(url.searchParams.get('from') ?? view.from), to: Number(url.searchParams.get('to') ?? view.to), variables: {} };
  const set = [...url.searchParams.keys()].filter((k) => k.startsWith('var-')).map((k) => k.slice('var-'.length));
  const unknown = set.filter((name) => !dashboard.templating.list.some((v) => v.name === name));
  if (unknown.length) return `there is no variable ${unknown.join(', ')}`;
  await resolve(dashboard, there, await sourcesOf(view.data), url.searchParams);
  const narrowing = set.filter((name) => !dashboard.templating.list.some((v) => v.name === name && v.type === 'datasource') && name !== 'host');
  const uses = (text: string) => (narrowing.length ? narrowing : ['']).every((name) => text.includes(name));
  for (const panel of dashboard.panels) {
    for (const target of (panel.targets ?? []).filter((t) => uses(t.rawSql ?? t.query ?? ''))) {
      const frames = await ask(there, target, panel.datasource, 300_000);
      if (frames.some((f) => f.length > 0)) return '';
    }
  }
  return 'shows nothing';
}
