package main

// drill is a link to the dashboard that shows whom a source or destination talks
// to, for the value that an expression gives.
func drill(b backend, column, value string) object {
	target := "pair"
	if b.name() != "postgres" {
		target = "groups"
	}
	return object{
		"title": "Whom it talks to",
		"url":   "/d/" + uid(b, target) + "?var-" + column + "=" + value + "&${datasource:queryparam}&${host:queryparam}&${__url_time_range}",
	}
}

// linked makes the lines of a chart lead to whom a source or destination talks.
func (p *panel) linked(b backend, column string) *panel {
	if b.name() != "postgres" {
		return p.set(object{"links": []object{drill(b, column, "${__field.displayName}")}})
	}
	return p.named().set(object{"links": []object{drill(b, column, "${__field.labels.key}")}})
}

// named shows lines that have a key too by what they are called alone.
func (p *panel) named() *panel { return p.set(object{"displayName": namedByMetric}) }

const namedByMetric = "${__field.labels.metric}"

// drillCell is a link of the cells of a column of a table. Where they show what
// an address is called, the table has the address in a field that it hides.
func (p *panel) drillCell(b backend, column, address string) []object {
	if b.name() != "postgres" {
		return []object{drill(b, column, "${__value.text}")}
	}
	p.override(address, "custom.hidden", true, "custom.hideFrom.viz", true) // before Grafana 12.2, and since
	return []object{drill(b, column, "${__data.fields."+address+"}")}
}
