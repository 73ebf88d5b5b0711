// The kinds of panels, drawn by Grafana's own components.
import { FieldType, VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import type { DataFrame, GrafanaTheme2, TimeRange } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { drawMarks } from './annotations';
import { complete, isEmpty } from './fields';
import type { Panel } from './model';
import { drawn } from './record';
import { BarChart, Heatmap, NodeGraph, StateTimeline } from './standins';

export interface Props { panel: Panel; frames: DataFrame[]; width: number; height: number; theme: GrafanaTheme2; timeRange: TimeRange }

const kinds: Record<string, (props: Props) => React.ReactNode> = {
  timeseries: Lines, stat: Stat, bargauge: Bars, table: Table, text: Text,
  heatmap: Heatmap, nodeGraph: NodeGraph, barchart: BarChart, 'state-timeline': StateTimeline,
};
const showsNothing = new Set(['stat', 'bargauge', 'text']); // in its own way

export function PanelBody(props: Props) {
  const Kind = kinds[props.panel.type];
  if (!Kind) throw new Error(`nothing is known of panels of type ${props.panel.type}`);
  if (isEmpty(props.frames) && !showsNothing.has(props.panel.type)) {
    return <div data-empty style={{ height: props.height, display: 'flex', alignItems: 'center', justifyContent: 'center' }}>
      {props.panel.fieldConfig?.defaults.noValue || 'No data'}
    </div>;
  }
  return <Kind {...props} />;
}

function Lines({ panel, frames, width, height, timeRange }: Props) {
  const has = (f: DataFrame, type: FieldType) => f.fields.some((x) => x.type === type);
  const lines = frames.filter((f) => f.length > 0 && has(f, FieldType.time) && has(f, FieldType.number));
  return <TimeSeries frames={lines} structureRev={1} timeRange={timeRange} timeZone="utc" width={width} height={height}
    legend={panel.options.legend} options={panel.options}>
    {(config: unknown, aligned: DataFrame) => { drawMarks(config); drawn(panel, aligned); return null; }}
  </TimeSeries>;
}

function values({ panel, frames, theme }: Props, sparkline: boolean) {
  return getFieldDisplayValues({
    fieldConfig: complete(panel), reduceOptions: panel.options.reduceOptions, replaceVariables: (text) => text,
    theme, data: frames, sparkline, timeZone: 'utc',
  });
}

function Stat(props: Props) {
  const { panel, width, height, theme } = props;
  const o = panel.options;
  return <VizRepeater getValues={() => values(props, o.graphMode !== 'none')} getAlignmentFactors={getDisplayValueAlignmentFactors}
    source={props.frames} width={width} height={height} itemSpacing={3} renderCounter={1} autoGrid
    orientation={o.orientation ?? VizOrientation.Auto}
    renderValue={({ value, width: w, height: h, count, alignmentFactors }) =>
      <BigValue value={value.display} sparkline={value.sparkline} count={count} width={w} height={h} theme={theme}
        colorMode={o.colorMode} graphMode={o.graphMode} justifyMode={o.justifyMode} textMode={o.textMode} text={o.text}
        disableWideLayout={!o.wideLayout} alignmentFactors={alignmentFactors} />} />;
}

function Bars(props: Props) {
  const { panel, width, height, theme } = props;
  const o = panel.options;
  return <VizRepeater getValues={() => values(props, false)} getAlignmentFactors={getDisplayValueAlignmentFactors} source={props.frames}
    width={width} height={height} itemSpacing={8} renderCounter={1} minVizHeight={o.minVizHeight ?? 16} minVizWidth={o.minVizWidth ?? 8}
    orientation={o.orientation}
    renderValue={({ value, width: w, height: h, orientation, alignmentFactors }) =>
      <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)} width={w} height={h} theme={theme}
        orientation={orientation} displayMode={o.displayMode} showUnfilled={o.showUnfilled} valueDisplayMode={o.valueMode}
        namePlacement={o.namePlacement} text={o.text} alignmentFactors={alignmentFactors} itemSpacing={8} lcdCellWidth={12} />} />;
}

function Table({ panel, frames, width, height, timeRange }: Props) {
  const frame = frames[Math.min(panel.options.frameIndex ?? 0, frames.length - 1)];
  return <TableNG data={frame} width={width} height={height} noHeader={!panel.options.showHeader} showTypeIcons={panel.options.showTypeIcons} resizable
    cellHeight={panel.options.cellHeight} frozenColumns={panel.options.frozenColumns?.left} enablePagination={panel.options.enablePagination}
    sortBy={panel.options.sortBy} timeRange={timeRange} fieldConfig={panel.fieldConfig} noValue={panel.fieldConfig.defaults.noValue}
    structureRev={1} getActions={() => []} enableVirtualization={false} />;
}

function Text({ panel }: Props) {
  return <div style={{ overflow: 'auto', height: '100%' }}>{panel.options.content}</div>;
}
