package main

// drill is a link to the dashboard that shows the peers of a source or destination. The
// address comes from a Grafana variable, percent-encoded: a network has a slash, and
// other programs may store addresses with an ampersand.
func drill(b backend, column, value string) object {
	target := "pair"
	if b.name() != "postgres" {
		target = "groups"
	}
	return object{
		"title": "Who it talks to",
		"url":   "/d/" + uid(b, target) + "?var-" + column + "=${" + value + ":percentencode}&${datasource:queryparam}&${host:queryparam}&${__url_time_range}",
	}
}

// linked makes the lines of a chart link to the peers of a source or destination.
// The address is a label of the line: in InfluxDB its tag.
func (p *panel) linked(b backend, column string) *panel {
	if b.name() != "postgres" {
		return p.set(object{"links": []object{drill(b, column, "__field.labels."+column)}})
	}
	return p.named().set(object{"links": []object{drill(b, column, "__field.labels.key")}})
}

// named shows lines that have a key too by what they are called alone.
func (p *panel) named() *panel { return p.set(object{"displayName": namedByMetric}) }

const namedByMetric = "${__field.labels.metric}"

// ends makes a table of sources or destinations link to their peers. A table
// of Postgres shows the address in the name already, one of InfluxDB beside it.
func (p *panel) ends(b backend, column string) *panel {
	if b.name() != "postgres" {
		return p.override("key", "displayName", labels[column], "links", []object{drill(b, column, "__value.text")}).
			override("name", "displayName", "Name")
	}
	return p.override("name", "displayName", labels[column], "links", p.drillCell(b, column, "key"))
}

// drillCell is a link of the cells of a column that shows what an address is
// called: the table has the address in a field that it hides.
func (p *panel) drillCell(b backend, column, address string) []object {
	p.override(address, "custom.hidden", true, "custom.hideFrom.viz", true) // before Grafana 12.2, and since
	return []object{drill(b, column, "__data.fields."+address)}
}
