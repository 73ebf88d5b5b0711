// Asks for a dashboard's annotations, and draws them on charts as Grafana does: a
// dashed line where something happened, a stripe while it lasted.
import { colorManipulator } from '@grafana/data';
import type { GrafanaTheme2 } from '@grafana/data';
import { ask } from './query';
import { errors } from './record';
import type { Annotation, Dashboard, View } from './model';

export interface Mark { from: number; to: number; color: string }

export const marks: Mark[] = [];

export async function loadAnnotations(dashboard: Dashboard, view: View, theme: GrafanaTheme2) {
  const wanted = (dashboard.annotations?.list ?? []).filter((a) => a.enable !== false && !a.builtIn);
  await Promise.all(wanted.map((a) => load(a, view, theme).catch((e) => errors.push(`annotation ${a.name}: ${e.message}`))));
}

async function load(annotation: Annotation, view: View, theme: GrafanaTheme2) {
  const target = { ...annotation.target, refId: annotation.name, format: 'table' };
  if (annotation.rawQuery) target.rawSql = annotation.rawQuery; // the older form
  if (annotation.query) target.query = annotation.query;
  const [frame] = await ask(view, target, annotation.datasource, 60_000);
  const times = (name: string) => frame?.fields.find((f) => f.name.toLowerCase() === name)?.values;
  const from = times('time') ?? [], to = times('timeend') ?? [];
  const color = theme.visualization.getColorByName(annotation.iconColor ?? 'red');
  from.forEach((at: number, i: number) => marks.push({ from: at, to: to[i] ?? at, color }));
}

const hooked = new WeakSet<object>();

// drawMarks has a chart draw them over its lines.
export function drawMarks(config: any) {
  if (hooked.has(config) || marks.length === 0) return;
  hooked.add(config);
  config.addHook('draw', (plot: any) => {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const { from, to, color } of marks) {
      const [x, end] = [from, to].map((at) => Math.min(Math.max(plot.valToPos(at, 'x', true), bbox.left), bbox.left + bbox.width));
      ctx.fillStyle = colorManipulator.alpha(color, 0.15);
      ctx.fillRect(x, bbox.top, end - x, bbox.height);
      ctx.strokeStyle = color;
      ctx.setLineDash([4, 4]);
      ctx.beginPath();
      for (const at of new Set([x, end])) { ctx.moveTo(at, bbox.top); ctx.lineTo(at, bbox.top + bbox.height); }
      ctx.stroke();
    }
    ctx.restore();
  });
}
