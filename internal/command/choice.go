package command

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

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
