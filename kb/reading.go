package kb

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"golang.org/x/text/encoding/simplifiedchinese"
	xunicode "golang.org/x/text/encoding/unicode"

	"tingxin/nlp"
)

// ReadFile reads one file by the ending of its name: .csv, .jsonl, .md, .html, or .zip
// with any of them. What is wrong with a part of it stands in the batch; the error is
// for a file that is none of these.
func ReadFile(name string, data []byte) (*Batch, error) {
	b := &Batch{}
	if strings.EqualFold(path.Ext(name), ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, wrong("the file is no ZIP archive")
		}
		return ReadFolder(z)
	}
	if !b.read(name, data) {
		return nil, wrong("the file %.60q: it can be .csv, .jsonl, .md, .html or .zip with such files", path.Base(name))
	}
	return b, nil
}

// ReadFolder reads every file of a folder that it knows by its ending. Folders are
// categories of Markdown and HTML files that name none.
func ReadFolder(files fs.FS) (*Batch, error) {
	b := &Batch{}
	n, size := 0, int64(0)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, "__MACOSX/") {
			return err
		}
		if n++; n > 2*MaxItems {
			return wrong("more than %d files", 2*MaxItems)
		}
		data, err := readSome(files, name)
		if errors.As(err, new(*ContentError)) {
			b.fail(name, err)
			return nil
		}
		if err != nil {
			return err
		}
		if size += int64(len(data)); size > MaxImport {
			return wrong("the files have more than %d MB together", MaxImport>>20)
		}
		b.read(name, data)
		return nil
	})
	if err != nil {
		var content *ContentError
		if errors.As(err, &content) {
			return nil, content
		}
		return nil, wrong("the files cannot be read: %v", err)
	}
	if len(b.Items)+len(b.Questions)+len(b.Errors) == 0 {
		return nil, wrong("there is no .csv, .jsonl, .md or .html file with articles in it")
	}
	return b, nil
}

// readSome reads a file up to its bound, whatever its header claims.
func readSome(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxImportFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxImportFile {
		return nil, wrong("it has more than %d MB", MaxImportFile>>20)
	}
	return data, nil
}

// read adds what a file holds; false when its ending says nothing.
func (b *Batch) read(name string, data []byte) bool {
	ext := strings.ToLower(path.Ext(name))
	if !slices.Contains([]string{".csv", ".jsonl", ".md", ".markdown", ".html", ".htm"}, ext) {
		return false
	}
	text := decode(data)
	switch ext {
	case ".csv":
		b.readCSV(name, text)
	case ".jsonl":
		b.readLines(name, text)
	case ".md", ".markdown":
		it, err := readMarkdown(name, text)
		b.add(it, name, err)
	default:
		it, err := readHTML(name, text)
		b.add(it, name, err)
	}
	return true
}

func (b *Batch) add(it Item, where string, err error) {
	if err == nil && len(b.Items) >= MaxItems {
		err = fmt.Errorf("more than %d articles", MaxItems)
	}
	if err != nil {
		b.fail(where, err)
		return
	}
	it.where = where
	b.Items = append(b.Items, it)
}

// decode makes UTF-8 of what spreadsheets write: UTF-8 with or without a mark,
// UTF-16 with one, else GB 18030.
func decode(data []byte) string {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		if out, err := xunicode.UTF16(xunicode.LittleEndian, xunicode.UseBOM).NewDecoder().Bytes(data); err == nil {
			return string(out)
		}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		if out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data); err == nil {
			return string(out)
		}
	}
	return string(data)
}

// readLines reads JSON Lines: articles, labelled questions, or names of categories. Lines with # are comments.
func (b *Batch) readLines(name, text string) {
	n := 0
	for l := range strings.Lines(text) {
		n++
		if l = strings.TrimSpace(l); l == "" || l[0] == '#' {
			continue
		}
		where := fmt.Sprintf("%s:%d", name, n)
		var v struct {
			Item
			Question *string `json:"question"`
			Article  string  `json:"article"`
			Name     string  `json:"name"`
			Ord      int     `json:"ord"`
		}
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			b.fail(where, errors.New("it is no JSON object of an article or a question"))
			continue
		}
		if v.Question != nil {
			if len(b.Questions) < MaxQuestions {
				b.Questions = append(b.Questions, Question{v.Lang, *v.Question, v.Article})
			}
			continue
		}
		if v.Name != "" && v.Title == "" {
			if len(b.Names) < maxErrors*10 {
				b.Names = append(b.Names, Name{v.Category, v.Lang, v.Name, v.Ord})
			}
			continue
		}
		b.add(v.Item, where, nil)
	}
}

// csvColumns are the columns of our own CSV, in the order of export.
var csvColumns = []string{"id", "lang", "type", "category", "audience", "title", "answer", "variants", "rules", "attributes", "steps", "needs", "owner", "review_by", "state"}

// headerNames are other words for them.
var headerNames = map[string]string{
	"key": "id", "编号": "id", "language": "lang", "语言": "lang", "类型": "type", "分类": "category", "类目": "category", "受众": "audience",
	"question": "title", "标题": "title", "问题": "title", "标准问": "title", "body": "answer", "答案": "answer", "回答": "answer", "内容": "answer",
	"similar": "variants", "相似问": "variants", "相似问法": "variants", "负责人": "owner", "复查日期": "review_by",
}

func (b *Batch) readCSV(name, text string) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	if first, _, _ := strings.Cut(text, "\n"); strings.Count(first, ";") > strings.Count(first, ",") {
		r.Comma = ';'
	} else if strings.Count(first, "\t") > strings.Count(first, ",") {
		r.Comma = '\t'
	}
	header, err := r.Read()
	if err != nil {
		b.fail(name, errors.New("it has no first line with the names of columns"))
		return
	}
	column := map[string]int{}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		if other, ok := headerNames[h]; ok {
			h = other
		}
		if _, ok := column[h]; !ok {
			column[h] = i
		}
	}
	_, intents := column["intent"]
	_, instructions := column["instruction"]
	if _, ok := column["title"]; !ok && !(intents && instructions) {
		b.fail(name, errors.New("a column title (or question), or the columns intent, instruction and response are needed"))
		return
	}
	rows := csvRows{b: b, name: name, column: column}
	for {
		rows.cells, err = r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		rows.line, _ = r.FieldPos(0)
		if err != nil {
			b.fail(fmt.Sprintf("%s:%d", name, rows.line), errors.New("the line is no CSV"))
			continue
		}
		if intents && instructions {
			rows.intent()
		} else {
			b.add(rows.item())
		}
	}
	rows.finish()
}

// csvRows walks the rows of a file.
type csvRows struct {
	b      *Batch
	name   string
	column map[string]int
	cells  []string
	line   int

	intents map[string]*Item
	order   []string
}

// cell by the name of its column, "" when it is not there. Export put a ' before
// signs that spreadsheets take for formulas.
func (r *csvRows) cell(name string) string {
	i, ok := r.column[name]
	if !ok || i >= len(r.cells) {
		return ""
	}
	text := strings.TrimSpace(r.cells[i])
	if len(text) > 1 && text[0] == '\'' && strings.IndexByte(formulaSigns, text[1]) >= 0 {
		text = text[1:]
	}
	return text
}

const formulaSigns = "=+-@\t\r"

func (r *csvRows) item() (Item, string, error) {
	where := fmt.Sprintf("%s:%d", r.name, r.line)
	it := Item{Key: r.cell("id"), Lang: r.cell("lang"), Type: Type(strings.ToLower(r.cell("type"))), Category: r.cell("category"), Audience: Audience(strings.ToLower(r.cell("audience"))),
		Title: r.cell("title"), Answer: r.cell("answer"), Owner: r.cell("owner"), ReviewBy: r.cell("review_by"), Variants: cellLines(r.cell("variants")), Needs: cellLines(r.cell("needs"))}
	for name, target := range map[string]any{"rules": &it.Rules, "attributes": &it.Attributes, "steps": &it.Steps} {
		if text := r.cell(name); text != "" {
			if err := json.Unmarshal([]byte(text), target); err != nil {
				return it, where, fmt.Errorf("the column %s is no JSON", name)
			}
		}
	}
	it.guess()
	return it, where, nil
}

// cellLines are texts of one cell: a line each, or with | between.
func cellLines(cell string) []string {
	if cell == "" {
		return nil
	}
	if !strings.Contains(cell, "\n") && strings.Contains(cell, "|") {
		return strings.Split(cell, "|")
	}
	return strings.Split(cell, "\n")
}

// guess fills in what a file need not say: the language by the text, the key by the title.
func (it *Item) guess() {
	if it.Lang == "" {
		if it.Lang = nlp.Detect(nlp.Fold(it.Title + " " + it.Answer)).Code; it.Lang == "" {
			it.Lang = "en"
		}
	}
	if it.Key == "" {
		it.Key = slug(it.Title)
	}
}

// slug is a key made of a text.
func slug(text string) string {
	var b strings.Builder
	for _, r := range nlp.Fold(text) {
		if b.Len() > 80 {
			break
		}
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// Bitext's data sets have one row per question: intent, instruction, response. An
// intent becomes an article, its questions phrasings, those without numbers first.
const intentVariants = 50

var digits = regexp.MustCompile(`\d{3,}|\{\{`)

func (r *csvRows) intent() {
	name := r.cell("intent")
	if name == "" || r.cell("instruction") == "" {
		r.b.fail(fmt.Sprintf("%s:%d", r.name, r.line), errors.New("intent or instruction is empty"))
		return
	}
	if r.intents == nil {
		r.intents = map[string]*Item{}
	}
	it := r.intents[name]
	if it == nil {
		it = &Item{Key: slug(name), Category: strings.ToLower(r.cell("category")), where: fmt.Sprintf("%s:%d", r.name, r.line)}
		r.intents[name] = it
		r.order = append(r.order, name)
	}
	if it.Answer == "" {
		it.Answer = r.cell("response")
	}
	if text := r.cell("instruction"); !digits.MatchString(text) && len(it.Variants) <= intentVariants && !slices.Contains(it.Variants, text) {
		it.Variants = append(it.Variants, text)
	}
}

func (r *csvRows) finish() {
	for _, name := range r.order {
		it := r.intents[name]
		if len(it.Variants) == 0 {
			it.Variants = []string{strings.ReplaceAll(name, "_", " ")}
		}
		it.Title, it.Variants = it.Variants[0], it.Variants[1:]
		it.guess()
		r.b.add(*it, it.where, nil)
	}
}

// place reads key, language and category out of a file's path: a/b/key.zh.md.
func place(name string) (key, lang, category string) {
	category = path.Dir(name)
	if category == "." {
		category = ""
	}
	key = strings.TrimSuffix(path.Base(name), path.Ext(name))
	if ext := path.Ext(key); slices.Contains(Languages, strings.TrimPrefix(ext, ".")) {
		key, lang = strings.TrimSuffix(key, ext), ext[1:]
	}
	return slug(key), lang, category
}

// front is what may stand between two lines of --- at the top of a Markdown file.
type front struct {
	ID         string      `yaml:"id,omitempty"`
	Lang       string      `yaml:"lang,omitempty"`
	Title      string      `yaml:"title,omitempty"`
	Type       Type        `yaml:"type,omitempty"`
	Category   string      `yaml:"category,omitempty"`
	Audience   Audience    `yaml:"audience,omitempty"`
	Variants   []string    `yaml:"variants,omitempty"`
	Rules      []frontRule `yaml:"rules,omitempty"`
	Attributes []frontPair `yaml:"attributes,omitempty"`
	Steps      []string    `yaml:"steps,omitempty"`
	Needs      []string    `yaml:"needs,omitempty"`
	Owner      string      `yaml:"owner,omitempty"`
	ReviewBy   string      `yaml:"review_by,omitempty"`
	State      State       `yaml:"state,omitempty"`
}

type frontRule struct {
	Kind string `yaml:"kind"`
	Text string `yaml:"text"`
	Tool string `yaml:"tool,omitempty"`
}

type frontPair struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

// maxFront is the size of a front matter.
const maxFront = 64 << 10

// parseFront reads YAML without aliases: they make a short text grow without bound.
func parseFront(head string) (front, error) {
	var f front
	file, err := parser.ParseBytes([]byte(head), 0)
	if err != nil {
		return f, errors.New("the lines between --- are no YAML")
	}
	var v aliases
	for _, doc := range file.Docs {
		ast.Walk(&v, doc)
	}
	if v.found {
		return f, errors.New("aliases (*name) are not read between ---; write texts with a star in quotes")
	}
	if err := yaml.Unmarshal([]byte(head), &f); err != nil {
		return f, errors.New("the lines between --- hold something else than an article's fields")
	}
	return f, nil
}

// aliases looks for them in a YAML document.
type aliases struct{ found bool }

// Visit implements ast.Visitor.
func (a *aliases) Visit(n ast.Node) ast.Visitor {
	if n.Type() == ast.AliasType {
		a.found = true
	}
	return a
}

func readMarkdown(name, text string) (Item, error) {
	key, lang, category := place(name)
	it := Item{Key: key, Lang: lang, Category: category}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if rest, ok := strings.CutPrefix(text, "---\n"); ok {
		head, body, found := strings.Cut(rest, "\n---\n")
		if !found || len(head) > maxFront {
			return it, errors.New("the lines between --- do not end")
		}
		f, err := parseFront(head)
		if err != nil {
			return it, err
		}
		f.fill(&it)
		text = body
	}
	if text = strings.TrimSpace(text); it.Title == "" {
		first, rest, _ := strings.Cut(text, "\n")
		title, ok := strings.CutPrefix(first, "# ")
		if !ok {
			return it, errors.New("a title is needed: a first line that begins with # ")
		}
		it.Title, text = strings.TrimSpace(title), rest
	}
	it.Answer = strings.TrimSpace(text)
	it.guess()
	return it, nil
}

func (f *front) fill(it *Item) {
	set := func(target *string, value string) {
		if value != "" {
			*target = value
		}
	}
	set(&it.Key, f.ID)
	set(&it.Lang, f.Lang)
	set(&it.Category, f.Category)
	it.Title, it.Type, it.Audience, it.Owner, it.ReviewBy = f.Title, f.Type, f.Audience, f.Owner, f.ReviewBy
	it.Variants, it.Steps, it.Needs = f.Variants, f.Steps, f.Needs
	for _, r := range f.Rules {
		it.Rules = append(it.Rules, Rule(r))
	}
	for _, a := range f.Attributes {
		it.Attributes = append(it.Attributes, Attribute(a))
	}
}
