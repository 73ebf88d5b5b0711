package command

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// option is a switch, or what a command takes besides, as completions and the
// manual page have it.
type option struct {
	name   string // with a dash
	value  string // what to call its value; "" where it takes none
	about  string
	preset string   // the value without the switch; "" where nothing is worth telling
	words  []string // all values there are, if they are few
}

// file reports whether the value is the name of a file.
func (o *option) file() bool { return o.value == "file" && o.words == nil }

// options returns the switches of a command, in order.
func (c *Command) options() []option {
	list := []option{}
	c.Flags.VisitAll(func(f *flag.Flag) {
		o := option{name: "-" + f.Name}
		o.value, o.about = flag.UnquoteUsage(f)
		if chosen, ok := f.Value.(*choice); ok {
			o.words = chosen.words
		}
		if f.DefValue != zero(f.Value) {
			o.preset = f.DefValue
		}
		list = append(list, o)
	})
	return append(list, option{name: "-help", about: "show how to use it"})
}

// zero is what a value of such a type is where nobody set it. Package flag leaves it
// out of help in the same way.
func zero(value flag.Value) string {
	kind := reflect.TypeOf(value)
	if kind.Kind() != reflect.Pointer {
		return reflect.Zero(kind).Interface().(flag.Value).String()
	}
	return reflect.New(kind.Elem()).Interface().(flag.Value).String()
}

// operand returns what a command takes besides its switches.
func (c *Command) operand() option {
	return option{value: strings.ToLower(strings.Trim(c.Args, "[].")), words: c.Words}
}

// short is the beginning of what a switch does: a line of a completion has no room
// for more.
func (o *option) short() string {
	about := o.about
	for _, mark := range []string{"; ", ": ", ", ", " ("} {
		about, _, _ = strings.Cut(about, mark)
	}
	return about
}

// Choice defines a switch that takes one of a few words.
func Choice(flags *flag.FlagSet, value *string, name, preset string, words []string, usage string) {
	*value = preset
	flags.Var(&choice{value, words}, name, usage+": "+anyOf(words))
}

type choice struct {
	value *string
	words []string
}

func (c *choice) String() string {
	if c.value == nil { // package flag asks a zero value
		return ""
	}
	return *c.value
}

func (c *choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("want %s", anyOf(c.words))
	}
	*c.value = text
	return nil
}

func anyOf(words []string) string {
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
