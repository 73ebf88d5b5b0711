package main

import "maps"

// The kinds of panels that ours are made of.

func newPanel(kind, title string, targets []object, defaults, options object) *panel {
	return &panel{
		Title: title, Type: kind, Targets: targets,
		Fields: &fieldConfig{Defaults: defaults, Overrides: []override{}}, Options: options,
	}
}

// chart is lines over time with areas below them.
func chart(title, unit string, targets ...object) *panel {
	return newPanel("timeseries", title, targets, object{
		"unit": unit, "min": 0, "color": object{"mode": "palette-classic"},
		"custom": object{
			"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 20,
			"gradientMode": "opacity", "showPoints": "auto", "pointSize": 4, "spanNulls": false,
			"axisPlacement": "auto", "stacking": object{"mode": "none", "group": "A"},
		},
	}, object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{"mean", "p95", "max"}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	})
}

// beside adds lines to a chart that are no part of it: dashed, without an area.
func (p *panel) beside(pattern, color string, targets ...object) *panel {
	if len(targets) == 0 {
		return p
	}
	p.Targets = append(p.Targets, targets...)
	properties := []any{
		"custom.lineStyle",
		object{"fill": "dash", "dash": []int{6, 6}},
		"custom.lineWidth", 1, "custom.fillOpacity", 0,
		"custom.stacking",
		object{"mode": "none", "group": "A"},
	}
	if color != "" {
		properties = append(properties, "color", object{"mode": "fixed", "fixedColor": color})
	}
	return p.matching(pattern, properties...)
}

// stacked makes a chart of parts that add up, of so few steps that they are told apart.
func (p *panel) stacked() *panel {
	custom := p.Fields.Defaults["custom"].(object)
	custom["stacking"] = object{"mode": "normal", "group": "A"}
	custom["fillOpacity"], custom["gradientMode"], custom["lineWidth"], custom["showPoints"] = 60, "none", 0, "never"
	p.Options["legend"] = object{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"lastNotNull", "mean", "max"}}
	return p.points(75)
}

// rest marks the line of what is not among the greatest, which leads to where all is.
func (p *panel) rest(properties ...any) *panel {
	return p.override(others, append(properties, "color", object{"mode": "fixed", "fixedColor": "#6e7079"})...)
}

// others is the line and the row of what is not among the greatest.
const others = "all others"

// stat is a few large numbers. What they were before is in a chart below.
func stat(title, unit string, targets ...object) *panel {
	return newPanel("stat", title, targets,
		object{"unit": unit, "color": object{"mode": "fixed", "fixedColor": "blue"}, "noValue": "no data", "mappings": []object{noData("no data", "text")}},
		object{
			"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
			"wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
			"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		}).points(120)
}

// noData maps a missing number to a text and its colour: it would have that of 0.
func noData(text, color string) object {
	return object{"type": "special", "options": object{"match": "null+nan", "result": object{"text": text, "color": color, "index": 0}}}
}

// table shows rows as they come.
func table(title string, targets ...object) *panel {
	return newPanel("table", title, targets,
		object{"custom": object{"align": "auto", "cellOptions": object{"type": "auto"}, "filterable": false, "inspect": true, "minWidth": 80, "wrapHeaderText": true}},
		object{"showHeader": true, "cellHeight": "sm", "frameIndex": 0})
}

// bars is a bar for each row of a table.
func bars(title, unit string, targets ...object) *panel {
	return newPanel("barchart", title, targets, object{
		"unit": unit, "min": 0, "color": object{"mode": "palette-classic"},
		"custom": object{"fillOpacity": 70, "lineWidth": 0, "gradientMode": "none", "axisPlacement": "auto"},
	}, object{
		"orientation": "horizontal", "stacking": "normal", "showValue": "auto", "barWidth": 0.8, "groupWidth": 0.7, "barRadius": 0,
		"fullHighlight": false, "xTickLabelRotation": 0, "xTickLabelMaxLength": 0, "xTickLabelSpacing": 0,
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "none"},
	})
}

// heat is a row for each name, whose colour shows how much it was when.
func heat(title, unit string, targets ...object) *panel {
	return newPanel("heatmap", title, targets, object{"unit": unit, "custom": object{}}, object{
		"calculate": false, "cellGap": 1, "cellValues": object{"unit": unit}, "showValue": "never",
		"color":     object{"mode": "scheme", "scheme": "Turbo", "scale": "exponential", "exponent": 0.5, "steps": 64, "reverse": false, "fill": "dark-blue"},
		"exemplars": object{"color": "rgba(255,0,255,0.7)"}, "filterValues": object{"le": 1e-9},
		"legend": object{"show": true}, "rowsFrame": object{"layout": "auto"},
		"tooltip": object{"mode": "single", "yHistogram": false, "showColorScale": false},
		"yAxis":   object{"axisPlacement": "left", "reverse": true},
	}).points(75)
}

// override sets properties of the field of a name, given as pairs.
func (p *panel) override(field string, properties ...any) *panel {
	return p.overrideBy("byName", field, properties)
}

// matching sets properties of the fields in whose names a pattern is found: without
// slashes, Grafana would have the whole name match.
func (p *panel) matching(pattern string, properties ...any) *panel {
	return p.overrideBy("byRegexp", "/"+pattern+"/", properties)
}

func (p *panel) overrideBy(matcher, options string, properties []any) *panel {
	o := override{Matcher: object{"id": matcher, "options": options}}
	for i := 0; i < len(properties); i += 2 {
		o.Properties = append(o.Properties, object{"id": properties[i], "value": properties[i+1]})
	}
	p.Fields.Overrides = append(p.Fields.Overrides, o)
	return p
}

// set sets defaults of fields.
func (p *panel) set(defaults object) *panel {
	maps.Copy(p.Fields.Defaults, defaults)
	return p
}

// points bounds the steps: a wide screen needs no finer ones for so many lines.
func (p *panel) points(n int) *panel {
	p.MaxDataPoints = n
	return p
}

func (p *panel) describe(text string) *panel {
	p.Description = text
	return p
}

// gauge shows a field as a bar in its cell of a table.
func (p *panel) gauge(field, unit string) *panel {
	return p.override(field, "unit", unit, "min", 0, "color", object{"mode": "continuous-BlPu"},
		"custom.width", 120, "custom.cellOptions", object{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"})
}

// row is a heading.
func row(title string) *panel {
	no := false
	return &panel{Title: title, Type: "row", Collapsed: &no, Panels: &[]*panel{}}
}
