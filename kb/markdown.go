package kb

import (
	"bytes"
	"html"
	"html/template"
	"net/url"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// markdown knows tables, strikethrough and bare links of GitHub's Markdown. HTML in
// the source is left out by the renderer, and what it makes goes through a sanitiser
// all the same.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify))
})

// policy allows text, lists, tables, links and pictures of this server.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowStyles("text-align").MatchingEnum("left", "center", "right").OnElements("th", "td")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowURLSchemes("http", "https", "mailto", "tel")
	p.AllowRelativeURLs(true)
	p.RequireNoReferrerOnLinks(true)
	p.RequireNoFollowOnFullyQualifiedLinks(true)
	return p
})

// maxNesting of quotes and lists that is rendered: parsers of Markdown are slow with
// thousands of levels, and nobody writes them.
const maxNesting = 50

// Render makes safe HTML of Markdown: no scripts, no raw HTML, links to http, https,
// mailto, tel and places of this server, pictures of this server only.
func Render(source string) template.HTML {
	src := []byte(flatten(source))
	doc := markdown().Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if img, ok := n.(*ast.Image); ok && entering && !local(string(img.Destination)) {
			img.Destination = nil
		}
		return ast.WalkContinue, nil
	})
	var out bytes.Buffer
	if err := markdown().Renderer().Render(&out, src, doc); err != nil {
		return template.HTML("<p>" + template.HTMLEscapeString(source) + "</p>")
	}
	return template.HTML(policy().SanitizeBytes(out.Bytes()))
}

// local tells whether an address is a place of this server.
func local(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(address, "//")
}

// flatten bounds what makes parsers slow: levels of quotes and lists, and runs of
// brackets, which only an attacker writes.
func flatten(source string) string {
	var b strings.Builder
	b.Grow(len(source))
	for line := range strings.Lines(source) {
		rest, levels := line, 0
		for rest != "" && strings.IndexByte(" \t>-+*", rest[0]) >= 0 {
			if rest[0] == '>' {
				levels++
			}
			rest = rest[1:]
		}
		if levels > maxNesting || len(line)-len(rest) > 4*maxNesting {
			line = rest
		}
		b.WriteString(line)
	}
	if strings.Count(source, "[") > 2000 || strings.Count(source, "`") > 2000 || strings.Count(source, "*")+strings.Count(source, "_") > 8000 {
		return escape(b.String())
	}
	return b.String()
}

// PlainText is what Markdown says without its signs: paragraphs and items on lines of
// their own, links by their words.
func PlainText(source string) string {
	src := []byte(flatten(source))
	var b strings.Builder
	fresh := func() {
		if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
			b.WriteByte('\n')
		}
	}
	_ = ast.Walk(markdown().Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(src))
				if n.SoftLineBreak() {
					b.WriteString(joint(n.Segment.Value(src)))
				} else if n.HardLineBreak() {
					b.WriteByte('\n')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(src))
			}
		case *ast.RawHTML, *ast.HTMLBlock:
			return ast.WalkSkipChildren, nil
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			if entering {
				fresh()
				for i := range n.Lines().Len() {
					segment := n.Lines().At(i)
					b.Write(segment.Value(src))
				}
			}
		case *extast.TableCell:
			if !entering {
				b.WriteByte(' ')
			}
		default:
			if n.Type() == ast.TypeBlock {
				fresh()
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(html.UnescapeString(unescape(b.String())))
}

// joint is what a line break inside a paragraph stands for: nothing in Chinese, a
// space elsewhere.
func joint(before []byte) string {
	if n := len(before); n > 0 && before[n-1] >= 0x80 {
		return ""
	}
	return " "
}

// unescape takes the backslashes off that the parser leaves in texts.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Links are the addresses that a Markdown text leads to.
func Links(source string) []string {
	var out []string
	src := []byte(flatten(source))
	_ = ast.Walk(markdown().Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			out = append(out, string(n.Destination))
		case *ast.Image:
			out = append(out, string(n.Destination))
		case *ast.AutoLink:
			out = append(out, string(n.URL(src)))
		}
		return ast.WalkContinue, nil
	})
	return out
}
