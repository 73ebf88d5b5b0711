// What the rules look at besides the page itself: each panel's frames, the frame that
// it really draws, and whatever went wrong.
import type { DataFrame } from '@grafana/data';
import type { Panel } from './model';

export interface Drawn { panel: Panel; frames: DataFrame[]; matched?: boolean[]; aligned?: DataFrame; error?: string }

export const panels = new Map<number, Drawn>();
export const errors: string[] = []; // of the dashboard: variables, annotations

export const keep = (panel: Panel, frames: DataFrame[], matched: boolean[]) => panels.set(panel.id, { panel, frames, matched });

export function drawn(panel: Panel, aligned: DataFrame) {
  const record = panels.get(panel.id);
  if (record) record.aligned = aligned;
}

export function failed(panel: Panel, error: unknown) {
  const text = error instanceof Error ? error.message : String(error);
  const record = panels.get(panel.id);
  panels.set(panel.id, { panel, frames: record?.frames ?? [], error: text });
}
