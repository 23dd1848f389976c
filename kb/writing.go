package kb

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
)

// Formats of an export, with the ending of their file.
var Formats = map[string]string{"csv": ".csv", "jsonl": ".jsonl", "markdown": ".zip", "html": ".zip", "bitext": ".csv"}

// Write exports items in a format; what ReadFile reads of it is the same again (HTML
// keeps the text only, Bitext's rows phrasings and answer).
func Write(w io.Writer, format string, items []Item) error {
	switch format {
	case "csv":
		return writeCSV(w, items)
	case "jsonl":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for i := range items {
			if err := enc.Encode(&items[i]); err != nil {
				return err
			}
		}
		return nil
	case "bitext":
		return writeIntents(w, items)
	case "markdown", "html":
		return writeZip(w, format, items)
	}
	return wrong("the format is %.20q: it is csv, jsonl, markdown, html or bitext", format)
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if text != "" && strings.IndexByte(formulaSigns, text[0]) >= 0 {
		return "'" + text
	}
	return text
}

func writeCSV(w io.Writer, items []Item) error {
	if _, err := io.WriteString(w, "\xef\xbb\xbf"); err != nil { // so that spreadsheets see UTF-8
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write(csvColumns); err != nil {
		return err
	}
	asJSON := func(v any, n int) string {
		if n == 0 {
			return ""
		}
		b, _ := json.Marshal(v) // strings only
		return string(b)
	}
	for i := range items {
		it := &items[i]
		row := []string{it.Key, it.Lang, string(it.Type), it.Category, string(it.Audience), it.Title, it.Answer, strings.Join(it.Variants, "\n"),
			asJSON(it.Rules, len(it.Rules)), asJSON(it.Attributes, len(it.Attributes)), asJSON(it.Steps, len(it.Steps)), strings.Join(it.Needs, "\n"), it.Owner, it.ReviewBy, string(it.State)}
		for k := range row {
			row[k] = cell(row[k])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func writeIntents(w io.Writer, items []Item) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"instruction", "intent", "category", "response"}); err != nil {
		return err
	}
	for i := range items {
		it := &items[i]
		for _, text := range append([]string{it.Title}, it.Variants...) {
			if err := out.Write([]string{cell(text), cell(it.Key), cell(strings.ToUpper(it.Category)), cell(it.Answer)}); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func writeZip(w io.Writer, format string, items []Item) error {
	z := zip.NewWriter(w)
	for i := range items {
		it := &items[i]
		text, ext, err := it.page(format)
		if err != nil {
			return err
		}
		f, err := z.Create(path.Join(it.Category, it.Key+"."+it.Lang+ext))
		if err != nil {
			return err
		}
		if _, err := io.WriteString(f, text); err != nil {
			return err
		}
	}
	return z.Close()
}

func (it *Item) page(format string) (text, ext string, err error) {
	if format == "html" {
		c := it.content(nil)
		return fmt.Sprintf("<!doctype html>\n<html lang=%q><meta charset=\"utf-8\"><title>%s</title>\n<article><h1>%s</h1>\n%s</article></html>\n",
			it.Lang, template.HTMLEscapeString(it.Title), template.HTMLEscapeString(it.Title), Render(c.Markdown())), ".html", nil
	}
	f := front{ID: it.Key, Lang: it.Lang, Title: it.Title, Type: it.Type, Category: it.Category, Audience: it.Audience, Variants: it.Variants,
		Steps: it.Steps, Needs: it.Needs, Owner: it.Owner, ReviewBy: it.ReviewBy, State: it.State}
	for _, r := range it.Rules {
		f.Rules = append(f.Rules, frontRule(r))
	}
	for _, a := range it.Attributes {
		f.Attributes = append(f.Attributes, frontPair(a))
	}
	head, err := yaml.Marshal(f)
	if err != nil {
		return "", "", fmt.Errorf("article %s: %w", it.Key, err)
	}
	return "---\n" + string(head) + "---\n\n" + it.Answer + "\n", ".md", nil
}
