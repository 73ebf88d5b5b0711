package main

// allValues is what a variable is until somebody chooses.
var allValues = object{"text": []string{"All"}, "value": []string{"$__all"}}

// labels are what the variables are called.
var labels = map[string]string{
	"src": "Source", "dst": "Destination", "proto": "Protocol", "port": "Port", "host": "Gateway",
}

// chooser makes the variable that chooses a datasource of a type, first the one that is
// provisioned, if there is: so the same file works when it is imported by hand.
func chooser(kind, name, uid string) *variable {
	return &variable{
		Name: "datasource", Label: "Database", Type: "datasource", Query: kind, Refresh: 1,
		Current: object{"text": name, "value": uid},
	}
}

// oneOf is a variable with fixed values, "text : value" each, of which the first is chosen.
func oneOf(name, label, text, value, others string) *variable {
	return &variable{Name: name, Label: label, Type: "custom", Query: text + " : " + value + ", " + others, Current: object{"text": text, "value": value}}
}

// single lets only one value of a variable be chosen, or all.
func single(v *variable) *variable {
	v.Multi, v.Current = false, object{"text": "All", "value": "$__all"}
	return v
}

// timeBefore is what lines are compared with.
func timeBefore() *variable {
	return oneOf("before", "Compare with", "the time before", "range", "a day before : 1 day, a week before : 7 days, nothing : no")
}

// linkCapacity is a number to type.
func linkCapacity() *variable {
	return &variable{
		Name: "capacity", Label: "Link capacity, Mb/s", Type: "textbox", Query: "", Current: object{"text": "", "value": ""},
		Description: "Drawn as a line where it is given",
	}
}
