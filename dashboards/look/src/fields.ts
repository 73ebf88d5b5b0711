// Applies defaults and overrides to fields with Grafana's own code. The registry of
// properties, which in Grafana comes with each kind of panel, is made of what the panel
// sets: so no property is forgotten here.
import {
  FieldType, applyFieldOverrides, cacheFieldDisplayNames, dataLinksOverrideProcessor, displayNameOverrideProcessor, fieldMatchers,
  FieldConfigOptionsRegistry, identityOverrideProcessor, numberOverrideProcessor, standardTransformers, standardTransformersRegistry,
  stringOverrideProcessor, thresholdsOverrideProcessor, unitOverrideProcessor, valueMappingsOverrideProcessor,
} from '@grafana/data';
import type { DataFrame, Field, GrafanaTheme2 } from '@grafana/data';
import { interpolate } from './interpolate';
import type { Panel, View } from './model';

standardTransformersRegistry.setInit(() => {
  const byID = new Map(Object.values(standardTransformers).map((t) => [t.id, t]));
  return [...byID.values()].map((t) => ({
    id: t.id, name: t.name, description: t.description, transformation: () => Promise.resolve(t), transformer: t, editor: () => null,
  })) as any;
});

const number = (field: Field) => field.type === FieldType.number;
const always = () => true;

const properties: Record<string, [process: any, shouldApply: (field: Field) => boolean]> = {
  unit: [unitOverrideProcessor, always],
  min: [numberOverrideProcessor, number],
  max: [numberOverrideProcessor, number],
  fieldMinMax: [identityOverrideProcessor, number],
  decimals: [numberOverrideProcessor, number],
  displayName: [displayNameOverrideProcessor, always],
  description: [stringOverrideProcessor, always],
  color: [identityOverrideProcessor, always],
  noValue: [stringOverrideProcessor, always],
  links: [dataLinksOverrideProcessor, always],
  mappings: [valueMappingsOverrideProcessor, always],
  thresholds: [thresholdsOverrideProcessor, number],
  filterable: [identityOverrideProcessor, always],
};

function registryOf(custom: string[]): FieldConfigOptionsRegistry {
  const item = (id: string, path: string, process: any, shouldApply: any, isCustom: boolean): any => ({
    id, path, process, shouldApply, isCustom, name: id, description: '', settings: { expandTemplateVars: true }, override: () => null, editor: () => null,
  });
  const registry = new FieldConfigOptionsRegistry();
  for (const [id, [process, shouldApply]] of Object.entries(properties)) registry.register(item(id, id, process, shouldApply, false));
  for (const key of custom) registry.register(item(`custom.${key}`, key, identityOverrideProcessor, always, true));
  return registry;
}

// What fields of a kind of panel are where the panel does not say.
const customDefaults: Record<string, object> = {
  timeseries: {
    drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'auto', pointSize: 5,
    spanNulls: false, insertNulls: false, axisPlacement: 'auto', axisColorMode: 'text', axisBorderShow: false, axisCenteredZero: false,
    barAlignment: 0, barWidthFactor: 0.6, scaleDistribution: { type: 'linear' }, thresholdsStyle: { mode: 'off' },
    stacking: { mode: 'none', group: 'A' }, hideFrom: { legend: false, tooltip: false, viz: false },
  },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};
const colors: Record<string, string> = { timeseries: 'palette-classic', barchart: 'palette-classic', heatmap: 'palette-classic' };

const absolute = (thresholds: any) => ({ ...thresholds, steps: thresholds.steps.map((s: any) => ({ ...s, value: s.value ?? -Infinity })) });

// complete returns the configuration of a panel's fields as Grafana has it after loading.
export function complete(panel: Panel): any {
  const config = structuredClone(panel.fieldConfig ?? { defaults: {}, overrides: [] }) as any;
  const { defaults } = config;
  defaults.custom = { ...customDefaults[panel.type], ...defaults.custom };
  defaults.color ??= { mode: colors[panel.type] ?? 'thresholds' };
  defaults.thresholds = absolute(defaults.thresholds ?? { mode: 'absolute', steps: [{ color: 'green', value: null }, { color: 'red', value: 80 }] });
  for (const rule of config.overrides) {
    for (const p of rule.properties) if (p.id === 'thresholds') p.value = absolute(p.value);
  }
  return config;
}

export function withFields(view: View, panel: Panel, frames: DataFrame[], theme: GrafanaTheme2): DataFrame[] {
  const fieldConfig = complete(panel);
  const set = fieldConfig.overrides.flatMap((rule: any) => rule.properties.map((p: any) => p.id as string)).filter((id: string) => id.startsWith('custom.'));
  const custom = new Set<string>([...Object.keys(fieldConfig.defaults.custom), ...set.map((id: string) => id.slice('custom.'.length))]);
  const replaceVariables = (text: string, scope?: any, format?: any) =>
    interpolate(view, text, { ...panel.scope, ...scope }, typeof format === 'string' ? format : undefined);
  const result = applyFieldOverrides({ data: frames, fieldConfig, fieldConfigRegistry: registryOf([...custom]), replaceVariables, theme, timeZone: 'utc' });
  cacheFieldDisplayNames(result);
  return result;
}

// matches says of each override whether it is for any of the fields. One by a query is for
// whatever that gives.
export function matches(panel: Panel, frames: DataFrame[]): boolean[] {
  return (panel.fieldConfig?.overrides ?? []).map(({ matcher }) => {
    if (matcher.id === 'byFrameRefID') return panel.targets.some((t) => t.refId === matcher.options);
    const match = fieldMatchers.get(matcher.id).get(matcher.options);
    return frames.some((frame) => frame.fields.some((field) => match(field, frame, frames)));
  });
}

export const isEmpty = (frames: DataFrame[]) => !frames.some((f) => f.length > 0 && f.fields.length > 0);
