// Where panels are: on Grafana's grid of 24 columns, or one below the other where the
// page is as narrow as a phone. A repeated panel is there once for each value.
import type { Panel, View } from './model';

const columns = 24, cell = 30, gap = 8, narrow = 769;

export interface Box { left: number; top: number; width: number; height: number }

function repeated(panels: Panel[], view: View): Panel[] {
  let id = Math.max(...panels.map((p) => p.id));
  return panels.flatMap((panel) => {
    const variable = panel.repeat ? view.variables[panel.repeat] : undefined;
    if (!variable) return [panel];
    const across = panel.repeatDirection === 'v' ? 1 : Math.min(panel.maxPerRow ?? 4, variable.values.length);
    return variable.values.map((value, n) => ({
      ...panel, id: n ? ++id : panel.id, scope: { [panel.repeat!]: value as any },
      gridPos: { ...panel.gridPos, w: columns / across, x: ((n % across) * columns) / across, y: panel.gridPos.y + Math.floor(n / across) * panel.gridPos.h },
    }));
  });
}

export function layout(all: Panel[], view: View, width: number): { places: Array<{ panel: Panel; box: Box }>; height: number } {
  const panels = repeated(all, view);
  const tall = (p: Panel) => p.gridPos.h * (cell + gap) - gap;
  if (width < narrow) {
    let top = 0;
    const places = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x).map((panel) => {
      const box = { left: 0, top, width, height: tall(panel) };
      top += box.height + gap;
      return { panel, box };
    });
    return { places, height: top };
  }
  const wide = (width + gap) / columns;
  const places = panels.map((panel) => ({
    panel,
    box: { left: panel.gridPos.x * wide, top: panel.gridPos.y * (cell + gap), width: panel.gridPos.w * wide - gap, height: tall(panel) },
  }));
  return { places, height: Math.max(...places.map(({ box }) => box.top + box.height)) };
}
