package main

// What Grafana calls a dashboard, as far as ours use it. The names are those of
// its schema, against which a test checks the result.

// object is a part of a dashboard whose form depends on the kind of panel.
type object map[string]any

// schemaVersion is that of the schema package that the test uses.
const schemaVersion = 42

type dashboard struct {
	UID           string    `json:"uid"`
	Title         string    `json:"title"`
	Description   string    `json:"description"`
	Tags          []string  `json:"tags"`
	Time          timeRange `json:"time"`
	Timezone      string    `json:"timezone"`
	Refresh       string    `json:"refresh"`
	Tooltip       int       `json:"graphTooltip"` // 1: the cross hair shows in all panels
	Editable      bool      `json:"editable"`
	SchemaVersion int       `json:"schemaVersion"`
	Links         []link    `json:"links"`
	Annotations   struct {
		List []annotation `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []*variable `json:"list"`
	} `json:"templating"`
	Panels []*panel `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Icon        string   `json:"icon"`
	Tags        []string `json:"tags"`
	Tooltip     string   `json:"tooltip"`
	AsDropdown  bool     `json:"asDropdown"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
	TargetBlank bool     `json:"targetBlank"`
}

// annotation is what charts mark in time.
type annotation struct {
	Name   string  `json:"name"`
	Source *source `json:"datasource"`
	Enable bool    `json:"enable"`
	Color  string  `json:"iconColor"`
	Target object  `json:"target"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type variable struct {
	Name        string  `json:"name"`
	Label       string  `json:"label"`
	Description string  `json:"description,omitempty"`
	Type        string  `json:"type"`
	Source      *source `json:"datasource,omitempty"`
	Query       any     `json:"query"`
	Multi       bool    `json:"multi,omitempty"`
	IncludeAll  bool    `json:"includeAll,omitempty"`
	AllValue    string  `json:"allValue,omitempty"`
	Refresh     int     `json:"refresh"`
	Hide        int     `json:"hide,omitempty"`
	Current     object  `json:"current,omitempty"`
}

type panel struct {
	ID              int          `json:"id"`
	Title           string       `json:"title"`
	Description     string       `json:"description,omitempty"`
	Type            string       `json:"type"`
	Source          *source      `json:"datasource,omitempty"`
	Grid            grid         `json:"gridPos"`
	Interval        string       `json:"interval,omitempty"`
	MaxDataPoints   int          `json:"maxDataPoints,omitempty"`
	Targets         []object     `json:"targets,omitempty"`
	Transformations []object     `json:"transformations,omitempty"`
	Fields          *fieldConfig `json:"fieldConfig,omitempty"`
	Options         object       `json:"options,omitempty"`
	Collapsed       *bool        `json:"collapsed,omitempty"` // rows only
	Panels          *[]*panel    `json:"panels,omitempty"`    // rows only
}

type grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type fieldConfig struct {
	Defaults  object     `json:"defaults"`
	Overrides []override `json:"overrides"`
}

type override struct {
	Matcher    object   `json:"matcher"`
	Properties []object `json:"properties"`
}
