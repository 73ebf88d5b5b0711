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
		"cells": s.cells, "share": s.share, "octets": octets, "count": count, "lifetime": lifetime, "stamp": stamp,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	var text strings.Builder
	err = parsed.Execute(&text, struct {
		*Summary
		Chosen, Rate string
		Numbers      []string
		Parts        []part
		Over         []timeChart
		NoChart      string
		Matrix       matrix
		Bars         []bar
		Sankey       sankey
		Empty        bool
	}{s, Chosen(&s.Filter), s.rate(), s.numbers(), s.tables(), s.over(), s.noChart(), s.matrix(), s.services(), s.sankey(), s.Total.Name == ""})
	if err != nil {
		return fmt.Errorf("making the page: %w", err)
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// rate returns the average over the whole range.
func (s *Summary) rate() string {
	return bitRate(8 * s.Both() / s.Filter.Until.Sub(s.Filter.Since).Seconds())
}
