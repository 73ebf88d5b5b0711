// What the page knows of a dashboard's JSON, as far as ours use it.
import type { DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Source { type: string; uid: string }

export interface Target {
  refId: string;
  datasource?: Source;
  rawSql?: string; // of Postgres
  format?: string;
  query?: string; // of InfluxDB
  resultFormat?: string;
  alias?: string;
}

export interface Panel {
  id: number;
  title: string;
  description?: string;
  type: string;
  datasource?: Source;
  gridPos: { x: number; y: number; w: number; h: number };
  interval?: string;
  maxDataPoints?: number;
  targets?: Target[];
  transformations?: DataTransformerConfig[];
  fieldConfig: FieldConfigSource;
  options: any;
  repeat?: string;
  repeatDirection?: 'h' | 'v';
  maxPerRow?: number;
  scope?: Record<string, Value>; // of a repeated panel
}

export interface Variable {
  name: string;
  label?: string;
  type: string;
  query?: any;
  datasource?: Source;
  regex?: string;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  hide?: number;
  current?: { text?: string | string[]; value?: string | string[] };
}

export interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: Variable[] };
  annotations?: { list: Annotation[] };
}

export interface Annotation { name: string; enable?: boolean; builtIn?: number; iconColor?: string; datasource?: Source; target?: Target; rawQuery?: string; query?: string }

// What a variable stands for: all has the text that stands for every value.
export interface Value { values: string[]; texts: string[]; all?: string; isAll: boolean; multi: boolean }

export interface View {
  data: string; // which set of data
  from: number;
  to: number;
  variables: Record<string, Value>;
}

export interface DataSource { uid: string; type: string; name: string }
