package main

// drill is a link to the dashboard of a source, or of who talks to a destination. The
// address comes from a Grafana variable, percent-encoded: a network has a slash, and
// other programs may store addresses with an ampersand.
func drill(b backend, column, value string) object {
	return drillTo(b, column, "${"+value+":percentencode}")
}

// drillAll is the link to all sources, or to all who talk to destinations: $__all, which is
// not to be taken for a variable.
func drillAll(b backend, column string) object { return drillTo(b, column, "%24__all") }

func drillTo(b backend, column, value string) object {
	target, title := "team", "Its traffic"
	if column == "dst" {
		target, title = "pair", "Who talks to it"
		if b.name() != "postgres" {
			target = "groups"
		}
	}
	return object{
		"title": title,
		"url":   "/d/" + uid(b, target) + "?var-" + column + "=" + value + "&" + keepRange,
	}
}

// keepRange keeps in a link what is the same on all dashboards.
const keepRange = "${datasource:queryparam}&${host:queryparam}&${__url_time_range}"

// greatest is a chart of the sources, destinations or ports of which there is most.
// Lines of sources and destinations link to their peers.
func greatest(b backend, title, unit string, what selection, column string, m measure) *panel {
	p := chart(title, unit, b.by(what, column, m, 10)...).stacked().named(b, column)
	switch isPostgres := b.name() == "postgres"; {
	case isPostgres && !isEnd(column):
		return p.rest()
	case isPostgres:
		return p.rest().set(object{"links": []object{drill(b, column, "__field.labels.key")}})
	case isEnd(column):
		// The line of all others has no tag. Links of an override come on top of the defaults'.
		p.overrideBy("byFrameRefID", "A", []any{"links", []object{drill(b, column, "__field.labels."+column)}})
		return p.rest("links", []object{drillAll(b, column)})
	}
	return p // all services have lines
}

// named shows lines by what they are called, without their other labels.
func (p *panel) named(b backend, column string) *panel {
	if b.name() == "postgres" {
		return p.set(object{"displayName": namedByMetric})
	}
	if column == "service" {
		p.Transformations = []object{{"id": "renameByRegex", "options": object{"regex": "^(.*)/-1$", "renamePattern": "$1/other"}}}
	}
	return p
}

const namedByMetric = "${__field.labels.metric}"

// wideName is how many pixels a name with its address takes, in two lines where there is no
// room for one.
const wideName = 190

// wrapped shows all of a text in as many lines as it takes, for Grafana before 12.2 and since.
func wrapped(properties ...any) []any {
	return append(properties, "custom.wrapText", true, "custom.cellOptions", object{"type": "auto", "wrapText": true})
}

// ends makes a table of sources or destinations link to their peers. A table
// of Postgres shows the address in the name already, one of InfluxDB beside it.
func (p *panel) ends(b backend, column string) *panel {
	if b.name() != "postgres" {
		return p.override("key", "displayName", labels[column], "links", []object{drill(b, column, "__value.text")}).
			override("name", "displayName", "Name")
	}
	return p.override("name", wrapped("displayName", labels[column], "custom.minWidth", wideName, "links", p.drillCell(b, column, "key"))...)
}

// service makes a table of ports call them as lines are called.
func (p *panel) service(b backend) *panel {
	if b.name() != "postgres" {
		return p.override("port", "mappings", []object{{"type": "value", "options": object{"-1": object{"text": "other", "index": 0}}}})
	}
	return p.override("name", "displayName", "port")
}

// drillCell is a link of the cells of a column that shows what an address is
// called: the table has the address in a field that it hides.
func (p *panel) drillCell(b backend, column, address string) []object {
	p.override(address, "custom.hidden", true, "custom.hideFrom.viz", true) // before Grafana 12.2, and since
	return []object{drill(b, column, "__data.fields."+address)}
}
