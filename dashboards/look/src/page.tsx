// The page: the bar of variables, and the panels on Grafana's grid.
import { EventBusSrv, DashboardCursorSync } from '@grafana/data';
import type { DataFrame, GrafanaTheme2 } from '@grafana/data';
import { PanelChrome, PanelContextProvider } from '@grafana/ui';
import { Component, useEffect, useState } from 'react';
import { matches, withFields } from './fields';
import { interpolate } from './interpolate';
import { layout } from './layout';
import { PanelBody } from './panels';
import { framesOf, rangeOf } from './query';
import { failed, keep } from './record';
import { report } from './rules';
import type { Dashboard, Panel, View } from './model';

interface PageProps { dashboard: Dashboard; view: View; theme: GrafanaTheme2 }

const padding = 16;

export function Page({ dashboard, view, theme }: PageProps) {
  const width = document.documentElement.clientWidth - 2 * padding;
  const { places, height } = layout(dashboard.panels, view, width);
  const [waiting, setWaiting] = useState(() => new Set(places.filter(({ panel }) => panel.type !== 'row').map(({ panel }) => panel.id)));
  const done = (panel: Panel) => setWaiting((before) => { const after = new Set(before); after.delete(panel.id); return after; });
  useEffect(() => { if (waiting.size === 0) report(dashboard, view, theme); }, [waiting.size === 0]);
  return <div style={{ padding, minHeight: '100vh', background: theme.colors.background.canvas, color: theme.colors.text.primary, ...theme.typography.body }}>
    <Bar {...{ dashboard, view, theme }} />
    <div style={{ position: 'relative', height }}>
      {places.map(({ panel, box }) => <div key={panel.id} style={{ position: 'absolute', ...box }} data-panel={panel.id}>
        {panel.type === 'row' ? <h6>{interpolate(view, panel.title)}</h6> : <OnePanel {...{ panel, view, theme, ...box }} done={() => done(panel)} />}
      </div>)}
    </div>
  </div>;
}

function Bar({ dashboard, view, theme }: PageProps) {
  const at = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
  return <div style={{ display: 'flex', flexWrap: 'wrap', gap: 12, marginBottom: 12, ...theme.typography.bodySmall }} data-bar>
    <strong>{dashboard.title}</strong>
    {dashboard.templating.list.filter((v) => v.hide !== 2).map((v) => <span key={v.name}>
      {v.label || v.name}: {view.variables[v.name]?.texts.join(' + ')}
    </span>)}
    <span style={{ marginLeft: 'auto' }}>{at(view.from)} to {at(view.to)} UTC</span>
  </div>;
}

const bus = new EventBusSrv();
const context = { eventsScope: 'look', eventBus: bus, sync: () => DashboardCursorSync.Off, canAddAnnotations: () => false, onToggleSeriesVisibility() {} };

interface OneProps { panel: Panel; view: View; theme: GrafanaTheme2; width: number; height: number; done: () => void }

function OnePanel({ panel, view, theme, width, height, done }: OneProps) {
  const [frames, setFrames] = useState<DataFrame[]>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    framesOf(view, panel, width).then((raw) => {
      const ready = withFields(view, panel, raw, theme);
      const before = matches(panel, raw); // a displayName of overrides hides the names before
      keep(panel, ready, matches(panel, ready).map((matched, n) => matched || before[n]));
      setFrames(ready);
    }).catch((e) => { failed(panel, e); setError(e.message); }).finally(done);
  }, []);
  return <PanelContextProvider value={context as any}>
    <PanelChrome title={interpolate(view, panel.title, panel.scope)} description={panel.description} width={width} height={height} statusMessage={error}>
      {(w, h) => <Guard panel={panel}>
        {error ? <pre>{error}</pre> : frames && <PanelBody panel={panel} frames={frames} width={w} height={h} theme={theme} timeRange={rangeOf(view)} />}
      </Guard>}
    </PanelChrome>
  </PanelContextProvider>;
}

// Guard shows what a panel's code throws, in its place.
class Guard extends Component<{ panel: Panel; children: React.ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) { return { error }; }
  componentDidCatch(error: Error) { failed(this.props.panel, error); }
  render() { return this.state.error ? <pre>{this.state.error.stack}</pre> : this.props.children; }
}
