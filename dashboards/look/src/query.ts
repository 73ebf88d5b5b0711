// Asks the test's server what Grafana's backend would be asked, and makes of the
// answer what a panel gets: frames, transformed.
import { dataFrameFromJSON, dateTime, rangeUtil, transformDataFrame } from '@grafana/data';
import type { DataFrame, TimeRange } from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import { interpolate } from './interpolate';
import type { DataSource, Panel, Source, Target, View } from './model';

export function rangeOf(view: View): TimeRange {
  const from = dateTime(view.from), to = dateTime(view.to);
  return { from, to, raw: { from, to } };
}

async function json(url: string, body?: unknown) {
  const answer = await fetch(url, body === undefined ? undefined : { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${await answer.text()}`);
  return answer.json();
}

export const dashboardNamed = (name: string) => json(`/dashboards/${name}`);
export const dashboardUIDs = (): Promise<Record<string, string>> => json('/uids');
export const sourcesOf = (data: string): Promise<DataSource[]> => json(`/sources?data=${data}`);

function sourceOf(view: View, source: Source | undefined): string {
  const uid = interpolate(view, source?.uid ?? '');
  if (!uid || uid.includes('$')) throw new Error(`data source ${source?.uid} was not found`);
  return uid;
}

// ask runs a target and returns its frames.
export async function ask(view: View, target: Target, source: Source | undefined, intervalMs: number, scope = {}): Promise<DataFrame[]> {
  const text = target.rawSql ?? target.query ?? '';
  const variables = { ...scope, __interval: intervalText(intervalMs), __interval_ms: intervalMs };
  const filled = text.replaceAll('$timeFilter', `time >= ${view.from}ms and time <= ${view.to}ms`);
  const frames = await json('/query', {
    data: view.data, uid: sourceOf(view, target.datasource ?? source), from: view.from, to: view.to,
    refId: target.refId, text: interpolate(view, filled, variables),
    format: target.format ?? target.resultFormat, alias: target.alias,
  });
  return frames.map((frame: any) => dataFrameFromJSON(frame));
}

// intervalText is what $__interval is: the largest unit that divides it.
function intervalText(ms: number): string {
  const units: Array<[string, number]> = [['d', 86400000], ['h', 3600000], ['m', 60000], ['s', 1000]];
  const [unit, length] = units.find(([, l]) => ms % l === 0) ?? ['ms', 1];
  return `${ms / length}${unit}`;
}

export function intervalOf(view: View, panel: Panel, width: number): number {
  const points = panel.maxDataPoints ?? Math.floor(width);
  return rangeUtil.calculateInterval(rangeOf(view), points, panel.interval ?? '15s').intervalMs;
}

export async function framesOf(view: View, panel: Panel, width: number): Promise<DataFrame[]> {
  const step = intervalOf(view, panel, width);
  const answers = await Promise.all((panel.targets ?? []).map((t) => ask(view, t, panel.datasource, step, panel.scope)));
  const frames = answers.flat();
  return panel.transformations?.length ? firstValueFrom(transformDataFrame(panel.transformations, frames)) : frames;
}
