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
	return p.set(object{"links": []object{drill(b, column, "${__field.displayName}")}})
}
