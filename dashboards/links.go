package main

// drill is a link to the dashboard of a source, or of who talks to a destination. The
// address comes from a Grafana variable, percent-encoded: a network has a slash, and
// other programs may store addresses with an ampersand.
func drill(b backend, column, value string) object {
	target, title := "team", "Its traffic"
	if column == "dst" {
		target, title = "pair", "Who talks to it"
		if b.name() != "postgres" {
			target = "groups"
		}
	}
	return object{
		"title": title,
		"url":   "/d/" + uid(b, target) + "?var-" + column + "=${" + value + ":percentencode}&" + keepRange,
	}
}

// keepRange keeps in a link what is the same on all dashboards.
const keepRange = "${datasource:queryparam}&${host:queryparam}&${__url_time_range}"

// greatest is a chart of the sources, destinations or ports of which there is most.
// Lines of sources and destinations link to their peers.
func greatest(b backend, title, unit string, what selection, column string, m measure) *panel {
	p := chart(title, unit, b.by(what, column, m, 10)...).stacked().named(b, column)
	if !isEnd(column) {
		return p
	}
	key := "key"
	if b.name() != "postgres" {
		key = column // its tag
	}
	return p.set(object{"links": []object{drill(b, column, "__field.labels."+key)}})
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

// wideName is how many pixels a name with its address takes.
const wideName = 190

// ends makes a table of sources or destinations link to their peers. A table
// of Postgres shows the address in the name already, one of InfluxDB beside it.
func (p *panel) ends(b backend, column string) *panel {
	if b.name() != "postgres" {
		return p.override("key", "displayName", labels[column], "links", []object{drill(b, column, "__value.text")}).
			override("name", "displayName", "Name")
	}
	return p.override("name", "displayName", labels[column], "custom.minWidth", wideName, "links", p.drillCell(b, column, "key"))
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
