// Draws one dashboard:
//
//   /?dashboard=postgres/connections&data=busy&from=MS&to=MS&theme=light&var-src=…
//
// and then sets window.look, which the rules in rules.ts fill.
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import '@fontsource/roboto-mono/400.css';
import '@grafana/react-data-grid/lib/styles.css';
import 'uplot/dist/uPlot.min.css';
import { createTheme, ThemeContext } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { loadAnnotations } from './annotations';
import { Page } from './page';
import { dashboardNamed, sourcesOf } from './query';
import { errors } from './record';
import { resolve } from './variables';
import type { Dashboard, View } from './model';

async function start() {
  const address = new URLSearchParams(location.search);
  const view: View = { data: address.get('data') ?? '', from: Number(address.get('from')), to: Number(address.get('to')), variables: {} };
  const [dashboard, sources] = await Promise.all([dashboardNamed(address.get('dashboard') ?? ''), sourcesOf(view.data)]) as [Dashboard, any];
  errors.push(...await resolve(dashboard, view, sources, address));
  const theme = createTheme({ colors: { mode: address.get('theme') === 'light' ? 'light' : 'dark' } });
  await loadAnnotations(dashboard, view, theme);
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Page dashboard={dashboard} view={view} theme={theme} />
    </ThemeContext.Provider>,
  );
}

start().catch((e) => { document.body.textContent = `the page did not start: ${e.stack}`; (window as any).look = { failed: String(e.stack) }; });
