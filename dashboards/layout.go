package main

// width is that of Grafana's grid.
const width = 24

// tag finds our dashboards for the links between them.
const tag = "conntrack-accounting"

// newDashboard begins a dashboard of a backend.
func newDashboard(b backend, name, title, description string, variables ...*variable) *dashboard {
	d := &dashboard{
		UID: uid(b, name), Title: title + " (" + b.title() + ")", Description: description,
		Tags: []string{tag, b.name()}, Time: timeRange{"now-1h", "now"}, Timezone: "browser", Refresh: "30s",
		Tooltip: 1, Editable: true, SchemaVersion: schemaVersion,
		Links: []link{{
			Title: "Traffic", Type: "dashboards", Icon: "external link", Tags: []string{tag, b.name()},
			Tooltip: "The other dashboards, with the same range and variables", IncludeVars: true, KeepTime: true,
		}},
	}
	d.Annotations.List = b.annotations()
	d.Templating.List = append([]*variable{b.choose()}, variables...)
	return d
}

// add puts panels side by side below what is there, each of the same width
// unless they do not share a line evenly.
func (d *dashboard) add(b backend, height int, panels ...*panel) {
	y := 0
	for _, p := range d.Panels {
		y = max(y, p.Grid.Y+p.Grid.H)
	}
	for i, p := range panels {
		x := i * width / len(panels)
		p.ID = len(d.Panels) + 1
		p.Grid = grid{H: height, W: (i+1)*width/len(panels) - x, X: x, Y: y}
		if p.Source == nil && p.Type != "row" {
			p.Source = b.source()
		}
		for n, target := range p.Targets {
			target["refId"] = string(rune('A' + n))
			if target["datasource"] == nil {
				target["datasource"] = p.Source
			}
		}
		d.Panels = append(d.Panels, p)
	}
}

// heading adds a row.
func (d *dashboard) heading(b backend, title string) { d.add(b, 1, row(title)) }

// uid names a dashboard in links.
func uid(b backend, name string) string { return "conntrack-" + b.name() + "-" + name }
