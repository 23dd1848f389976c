package kb

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxDepth of elements that is read: deeper ones are an attack on the stack.
const maxDepth = 200

// readHTML makes an article of a page: the title of its first heading or its title,
// the body of its main part as Markdown.
func readHTML(name, text string) (Item, error) {
	key, lang, category := place(name)
	it := Item{Key: key, Lang: lang, Category: category}
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return it, errors.New("the page cannot be read")
	}
	h1, title := first(doc, atom.H1, 0), first(doc, atom.Title, 0)
	switch {
	case h1 != nil && words(h1) != "":
		it.Title = words(h1)
	case title != nil:
		it.Title = words(title)
	}
	if it.Title == "" {
		return it, errors.New("a title is needed: an element h1 or title")
	}
	if root := first(doc, atom.Html, 0); it.Lang == "" && root != nil {
		for _, a := range root.Attr {
			if a.Key == "lang" && len(a.Val) >= 2 && (a.Val[:2] == "zh" || a.Val[:2] == "en") {
				it.Lang = a.Val[:2]
			}
		}
	}
	from := doc
	for _, part := range []atom.Atom{atom.Article, atom.Main, atom.Body} {
		if n := first(doc, part, 0); n != nil {
			from = n
			break
		}
	}
	w := markdownWriter{skip: h1}
	w.children(from, 0)
	it.Answer = strings.TrimSpace(w.String())
	it.guess()
	return it, nil
}

// first element of a kind, depth first.
func first(n *html.Node, kind atom.Atom, depth int) *html.Node {
	if n.Type == html.ElementNode && n.DataAtom == kind {
		return n
	}
	if depth > maxDepth {
		return nil
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := first(c, kind, depth+1); found != nil {
			return found
		}
	}
	return nil
}

// words of an element on one line.
func words(n *html.Node) string {
	w := markdownWriter{plain: true}
	w.children(n, 0)
	return line(w.String())
}

// markdownWriter writes elements as Markdown and leaves out what is no text.
type markdownWriter struct {
	strings.Builder
	plain bool // words only
	skip  *html.Node
	lists []list
}

type list struct {
	ordered bool
	n       int
}

func (w *markdownWriter) children(n *html.Node, depth int) {
	if depth > maxDepth {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
}

func (w *markdownWriter) node(n *html.Node, depth int) {
	if n == w.skip {
		return
	}
	if n.Type == html.TextNode {
		w.text(n.Data)
		return
	}
	if n.Type != html.ElementNode {
		return
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Nav, atom.Footer, atom.Header, atom.Aside, atom.Form, atom.Iframe, atom.Object, atom.Embed, atom.Svg, atom.Template, atom.Noscript, atom.Math:
		return
	}
	if w.plain {
		w.children(n, depth)
		w.WriteByte(' ')
		return
	}
	w.element(n, depth)
}

func (w *markdownWriter) element(n *html.Node, depth int) {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.block()
		w.WriteString(strings.Repeat("#", int(n.Data[1]-'0')) + " " + escape(words(n)))
		w.block()
	case atom.P, atom.Div, atom.Section, atom.Table, atom.Tr, atom.Blockquote, atom.Dl, atom.Dt, atom.Dd, atom.Figure:
		w.block()
		w.children(n, depth)
		w.block()
	case atom.Td, atom.Th:
		w.children(n, depth)
		w.WriteByte(' ')
	case atom.Br:
		w.WriteString("\n")
	case atom.Ul, atom.Ol:
		w.block()
		w.lists = append(w.lists, list{ordered: n.DataAtom == atom.Ol})
		w.children(n, depth)
		w.lists = w.lists[:len(w.lists)-1]
		w.block()
	case atom.Li:
		w.item(n)
	case atom.B, atom.Strong:
		w.around("**", n)
	case atom.I, atom.Em:
		w.around("*", n)
	case atom.A:
		w.link(n)
	default:
		w.children(n, depth)
	}
}

func (w *markdownWriter) around(sign string, n *html.Node) {
	if text := words(n); text != "" {
		w.WriteString(sign + escape(text) + sign)
	}
}

func (w *markdownWriter) item(n *html.Node) {
	if w.Len() > 0 && !strings.HasSuffix(w.String(), "\n") {
		w.WriteByte('\n')
	}
	sign := "- "
	if at := len(w.lists) - 1; at >= 0 && w.lists[at].ordered {
		w.lists[at].n++
		sign = strconv.Itoa(w.lists[at].n) + ". "
	}
	w.WriteString(sign + escape(words(n)) + "\n")
}

func (w *markdownWriter) link(n *html.Node) {
	text := words(n)
	for _, a := range n.Attr {
		if a.Key == "href" && text != "" && (strings.HasPrefix(a.Val, "http://") || strings.HasPrefix(a.Val, "https://") || local(a.Val)) && !strings.ContainsAny(a.Val, " ()<>\n") {
			w.WriteString("[" + escape(text) + "](" + a.Val + ")")
			return
		}
	}
	w.WriteString(escape(text))
}

// text writes words with single spaces.
func (w *markdownWriter) text(raw string) {
	if raw == "" {
		return
	}
	s := strings.Join(strings.Fields(raw), " ")
	if !w.plain {
		s = escape(s)
	}
	if first := raw[0]; (first == ' ' || first == '\n') && w.Len() > 0 && s != "" {
		w.WriteByte(' ')
	}
	w.WriteString(s)
	if last := raw[len(raw)-1]; (last == ' ' || last == '\n') && s != "" {
		w.WriteByte(' ')
	}
}

// block ends a paragraph.
func (w *markdownWriter) block() {
	if w.Len() > 0 {
		w.WriteString("\n\n")
	}
}
