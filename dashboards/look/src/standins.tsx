// Plain drawings for the panels whose code Grafana does not publish. They show what the
// panels would, in rough, and say that they are stand-ins.
import { FieldType, formattedValueToString, getFieldDisplayName } from '@grafana/data';
import type { Field } from '@grafana/data';
import type { Props } from './panels';

const shown = (field: Field, value: number) => (field.display ? formattedValueToString(field.display(value)) : String(value));

function Drawing({ width, height, theme, children }: { width: number; height: number; theme: Props['theme']; children: React.ReactNode }) {
  return <svg width={width} height={height} fontSize={12} fontFamily={theme.typography.fontFamily} fill={theme.colors.text.primary} data-standin>
    {children}
    <text x={width - 4} y={height - 2} textAnchor="end" fontSize={10} fill={theme.colors.text.secondary}>stand-in</text>
  </svg>;
}

// Heatmap draws a row for each field, or each value of a text field, over time.
export function Heatmap({ panel, frames, width, height, theme, timeRange }: Props) {
  const rows = frames.flatMap((frame) => {
    const time = frame.fields.find((f) => f.type === FieldType.time);
    return frame.fields.filter((f) => time && f.type === FieldType.number).map((field) => ({ field, times: time!.values as number[], name: getFieldDisplayName(field, frame, frames) }));
  });
  const left = 180, from = timeRange.from.valueOf(), span = timeRange.to.valueOf() - from;
  const max = Math.max(...rows.flatMap((r) => r.field.values.map((v: number | null) => v ?? 0)), 1e-9);
  const tall = (height - 20) / rows.length, scale = (width - left) / span;
  const every = Math.ceil(14 / tall);
  return <Drawing {...{ width, height, theme }}>
    {rows.map(({ field, times, name }, row) => <g key={row}>
      {row % every === 0 && <text x={left - 6} y={tall * row + 12} textAnchor="end">{name}</text>}
      {times.map((at, i) => field.values[i] > 0 && <rect key={i} x={left + (at - from) * scale} y={tall * row}
        width={Math.max(1, ((times[1] ?? at) - times[0]) * scale - 1)} height={Math.max(1, tall - 1)}
        fill={theme.colors.primary.main} fillOpacity={Math.pow(field.values[i] / max, panel.options.color?.exponent ?? 1)} />)}
    </g>)}
  </Drawing>;
}

// NodeGraph draws the nodes of its first frame in columns, and the edges of the second.
export function NodeGraph({ frames, width, height, theme }: Props) {
  const column = (i: number, name: string) => frames[i]?.fields.find((f) => f.name.toLowerCase() === name)?.values ?? [];
  const ids = column(0, 'id'), titles = column(0, 'title'), from = column(1, 'source'), to = column(1, 'target');
  const targets = new Set(to), sides = [ids.filter((id: string) => !targets.has(id)), ids.filter((id: string) => targets.has(id))];
  const place = new Map<string, [number, number]>(sides.flatMap((side, n) =>
    side.map((id: string, i: number): [string, [number, number]] => [id, [width * (n ? 0.7 : 0.3), ((i + 0.5) * height) / side.length]])));
  return <Drawing {...{ width, height, theme }}>
    {from.map((id: string, i: number) => {
      const [a, b] = [place.get(id), place.get(to[i])];
      return a && b && <line key={i} x1={a[0]} y1={a[1]} x2={b[0]} y2={b[1]} stroke={theme.colors.border.medium} />;
    })}
    {ids.map((id: string, i: number) => {
      const [x, y] = place.get(id)!;
      const source = x < width / 2;
      return <text key={id} x={x + (source ? -8 : 8)} y={y + 4} textAnchor={source ? 'end' : 'start'}>{titles[i]}</text>;
    })}
  </Drawing>;
}

// BarChart draws a horizontal bar for each row of a table, made of its numbers.
export function BarChart({ frames: [frame], width, height, theme }: Props) {
  const names = frame.fields.find((f) => f.type === FieldType.string || f.type === FieldType.time)?.values ?? [];
  const numbers = frame.fields.filter((f) => f.type === FieldType.number);
  const sums = names.map((_: unknown, i: number) => numbers.reduce((sum, f) => sum + (f.values[i] ?? 0), 0));
  const max = Math.max(...sums, 1e-9), tall = (height - 16) / names.length, left = 90, scale = (width - left - 70) / max;
  return <Drawing {...{ width, height, theme }}>
    {names.map((name: string, i: number) => {
      let x = left;
      const parts = numbers.map((f, n) => {
        const wide = (f.values[i] ?? 0) * scale;
        x += wide;
        return <rect key={n} x={x - wide} y={tall * i} width={wide} height={tall * 0.8} fill={theme.visualization.getColorByName(theme.visualization.palette[n])} />;
      });
      return <g key={i}><text x={left - 6} y={tall * (i + 0.4) + 4} textAnchor="end">{name}</text>{parts}
        <text x={x + 4} y={tall * (i + 0.4) + 4}>{numbers[0] && shown(numbers[0], sums[i])}</text></g>;
    })}
  </Drawing>;
}

// StateTimeline draws the states of each field as bars with their text.
export function StateTimeline({ frames, width, height, theme, timeRange }: Props) {
  const left = 120, from = timeRange.from.valueOf(), scale = (width - left) / (timeRange.to.valueOf() - from);
  const rows = frames.flatMap((frame) => {
    const times = frame.fields.find((f) => f.type === FieldType.time)?.values ?? [];
    return frame.fields.filter((f) => f.type !== FieldType.time).map((field) => ({ field, times, name: getFieldDisplayName(field, frame, frames) }));
  });
  const tall = (height - 20) / rows.length;
  return <Drawing {...{ width, height, theme }}>
    {rows.map(({ field, times, name }, row) => <g key={row}>
      <text x={left - 6} y={tall * (row + 0.5) + 4} textAnchor="end">{name}</text>
      {times.map((at: number, i: number) => {
        const value = field.values[i];
        if (value === null || value === undefined) return null;
        const x = left + (at - from) * scale, end = times[i + 1] === undefined ? width : left + (times[i + 1] - from) * scale;
        const display = field.display?.(value);
        return <rect key={i} x={x} y={tall * row} width={Math.max(1, end - x)} height={tall * 0.8} fill={display?.color ?? theme.colors.primary.main}><title>{display?.text}</title></rect>;
      })}
    </g>)}
  </Drawing>;
}
