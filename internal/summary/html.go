package summary

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var page string

// HTML writes one page that needs no other file.
func (s *Summary) HTML(w io.Writer) error {
	parsed, err := template.New("page").Funcs(template.FuncMap{
		"octets": octets, "count": count, "lifetime": lifetime, "stamp": stamp,
		"chosen": func() string { return Chosen(&s.Filter) }, "rate": s.rate, "share": s.share,
		"tables": s.tables, "numbers": s.numbers, "cells": s.cells,
		"over": s.over, "noChart": s.noChart, "matrix": s.matrix, "services": s.services, "sankey": s.sankey,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	var text strings.Builder
	if err := parsed.Execute(&text, s); err != nil {
		return fmt.Errorf("making the page: %w", err)
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// rate returns the average over the whole range.
func (s *Summary) rate() string {
	return bitRate(8 * s.Both() / s.Filter.Until.Sub(s.Filter.Since).Seconds())
}
