package call

import (
	"context"
	"html"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Marks in what PostgreSQL gives back; they become <mark> after everything else was escaped.
const (
	markStart = "\x01"
	markStop  = "\x02"
)

// around is how many characters of a Chinese snippet stand before the first match and after it.
const around = 24

// snippet is the first utterance of a call that has one of the terms.
type snippet struct {
	call, text, headline string
}

// addSnippets fills Summary.Snippet of the calls whose words were searched.
func (s *Store) addSnippets(ctx context.Context, items []Summary, terms []term) error {
	var wanted []string
	var args conditions
	var patterns []string
	var words []string
	var prefix string
	for _, t := range terms {
		if t.not {
			continue
		}
		sql, a := t.condition()
		args.add(sql, a...)
		wanted = append(wanted, args.parts[len(args.parts)-1])
		if len(t.han) > 0 {
			patterns = append(patterns, hanPattern(t.han))
		} else {
			words = append(words, t.words)
			prefix = t.prefix // of the last term only
		}
	}
	if len(wanted) == 0 || len(items) == 0 {
		return nil
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	found, err := s.snippets(ctx, ids, wanted, args.args, words, prefix)
	if err != nil {
		return err
	}
	for i := range items {
		if f, ok := found[items[i].ID]; ok {
			items[i].Snippet = f.html(patterns)
		}
	}
	return nil
}

// snippets asks for the first matching utterance of each call, with English words marked.
func (s *Store) snippets(ctx context.Context, ids, wanted []string, args []any, words []string, prefix string) (map[string]snippet, error) {
	w := conditions{args: args}
	query := term{words: strings.Join(words, " or "), prefix: prefix}
	marks, texts := query.tsquery()
	w.add(marks, texts...)
	w.add(`u.call_id = any(?::uuid[])`, ids)
	sql := `with found as (select distinct on (u.call_id) u.call_id, u.text, u.raw from utterances u
			where ` + w.parts[1] + ` and (` + strings.Join(wanted, " or ") + `) order by u.call_id, u.start_ms),
		marked as (select call_id, text, raw, ` + headline("text", w.parts[0]) + ` h from found)
		select call_id::text, text, case when h like E'%\x01%' then h else ` + headline("raw", w.parts[0]) + ` end from marked`
	rows, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (snippet, error) {
		var f snippet
		err := row.Scan(&f.call, &f.text, &f.headline)
		return f, err
	}, sql, w.args...)
	if err != nil {
		return nil, err
	}
	byCall := make(map[string]snippet, len(rows))
	for _, f := range rows {
		byCall[f.call] = f
	}
	return byCall, nil
}

func headline(column, query string) string {
	return `ts_headline('english', translate(` + column + `, E'\x01\x02', ''), ` + query +
		`, E'StartSel=\x01, StopSel=\x02, MaxWords=24, MinWords=10')`
}

// html escapes the snippet and marks what was searched.
func (f *snippet) html(patterns []string) string {
	text := f.headline
	if len(patterns) > 0 {
		find := regexp.MustCompile(strings.Join(patterns, "|")) // made of quoted characters by hanPattern
		if at := find.FindStringIndex(f.text); at != nil {
			text = crop(strip(f.text), find)
		}
	}
	text = html.EscapeString(text)
	return strings.NewReplacer(markStart, "<mark>", markStop, "</mark>").Replace(text)
}

func strip(s string) string { return strings.NewReplacer(markStart, "", markStop, "").Replace(s) }

// crop is the text around the first match with every match marked.
func crop(text string, find *regexp.Regexp) string {
	at := find.FindStringIndex(text)
	before, after := []rune(text[:at[0]]), []rune(text[at[1]:])
	match := text[at[0]:at[1]]
	prefix, suffix := "", ""
	if len(before) > around {
		before, prefix = before[len(before)-around:], "…"
	}
	if len(after) > around {
		after, suffix = after[:around], "…"
	}
	marked := find.ReplaceAllString(string(before)+match+string(after), markStart+"$0"+markStop)
	return prefix + marked + suffix
}
