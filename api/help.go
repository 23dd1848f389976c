package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"golang.org/x/text/language"

	"tingxin/kb"
	"tingxin/pg"
)

// The public help centre: pages without a login, without a script, of articles that
// are live and for everybody.

//go:embed help/page.html help/help.css
var helpFiles embed.FS

var helpPage = template.Must(template.ParseFS(helpFiles, "help/page.html"))

const (
	// helpPolicy lets a page load our style sheet and pictures and nothing else.
	helpPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// filePolicy is of files that people attached: whatever is in them, nothing runs.
	filePolicy = "default-src 'none'; sandbox; frame-ancestors 'none'"
	helpCache  = "public, max-age=60, stale-while-revalidate=600"
	// helpPerMinute is how many searches, votes and counted views one address has.
	helpPerMinute = 60
	// helpAddresses bounds how many addresses are remembered in a minute, and votes in a day.
	helpAddresses = 100_000
	helpItems     = 200 // of a list
)

// help counts what one address does.
type help struct {
	mu     sync.Mutex
	minute int64
	done   map[string]int // by address, in this minute
	day    int64
	voted  map[[16]byte]struct{} // article and address, today
}

// take counts an act of an address; false when there were enough.
func (h *help) take(address string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if minute := now.Unix() / 60; minute != h.minute || h.done == nil {
		h.minute, h.done = minute, map[string]int{}
	}
	if _, known := h.done[address]; !known && len(h.done) >= helpAddresses {
		return false
	}
	h.done[address]++
	return h.done[address] <= helpPerMinute
}

// vote tells whether an address may vote on an article: once a day.
func (h *help) vote(address, article string, now time.Time) bool {
	sum := sha256.Sum256([]byte(article + "\x00" + address))
	key := [16]byte(sum[:16])
	h.mu.Lock()
	defer h.mu.Unlock()
	if day := now.Unix() / 86400; day != h.day || h.voted == nil {
		h.day, h.voted = day, map[[16]byte]struct{}{}
	}
	if _, again := h.voted[key]; again || len(h.voted) >= helpAddresses {
		return false
	}
	h.voted[key] = struct{}{}
	return true
}

// helpWords are what stands on the pages beside the articles.
var helpWords = map[string]map[string]string{
	"zh": {"site": "帮助中心", "hello": "有什么可以帮您？", "find": "搜索帮助", "search": "搜索", "home": "首页", "path": "位置", "skip": "跳到正文", "categories": "分类", "articles": "篇文章", "popular": "常见问题",
		"updated": "更新于", "date": "2006年1月2日", "files": "附件", "ask": "这篇文章解决了您的问题吗？", "solved": "解决了", "unsolved": "没解决", "thanks": "谢谢您的反馈。", "again": "您今天已经反馈过了，谢谢。", "related": "相关文章", "other": "其他",
		"results": "搜索结果", "nothing": "没有找到相关内容，请换个说法，或联系客服。", "empty": "这里还没有文章。", "lost": "没有这个页面", "lostText": "它可能已被移动或下线。您可以搜索，或回到首页。", "busy": "请求太多，请稍后再试。"},
	"en": {"site": "Help centre", "hello": "How can we help?", "find": "Search for help", "search": "Search", "home": "Home", "path": "You are here", "skip": "Skip to the text", "categories": "Topics", "articles": "articles", "popular": "Common questions",
		"updated": "Updated", "date": "2 January 2006", "files": "Files", "ask": "Did this solve your problem?", "solved": "Yes, solved", "unsolved": "No, not solved", "thanks": "Thank you for telling us.", "again": "You have told us today already. Thank you.", "related": "Related articles", "other": "Other",
		"results": "Search results", "nothing": "Nothing was found. Try other words, or contact us.", "empty": "There are no articles here yet.", "lost": "There is no such page", "lostText": "It may have been moved or taken offline. Search for it, or go back to the start.", "busy": "Too many requests. Try again in a minute."},
}

var helpTags = map[string]string{"zh": "zh-CN", "en": "en"}
var helpNames = map[string]string{"zh": "中文", "en": "English"}

// helpView is what the template shows.
type helpView struct {
	Lang, Tag, Site, Title, Summary, Query, Heading, None, Thanks string
	Home, NoIndex                                                 bool
	T                                                             map[string]string
	Others                                                        []helpLink // the page in other languages
	Path                                                          []helpLink
	Categories                                                    []helpLink
	Items                                                         []helpItem
	Article                                                       *kb.Published
	Body                                                          template.HTML
	Files                                                         []kb.Attachment
}

type helpLink struct {
	Name, URL, Tag string
	N              int
}

type helpItem struct{ Title, URL, Text string }

func (s *Server) helpRoutes(r gin.IRoutes) {
	r.GET("/help", s.helpOpen(s.helpStart))
	r.GET("/help/:lang", s.helpOpen(s.helpHome))
	r.GET("/help/:lang/c/*path", s.helpOpen(s.helpCategory))
	r.GET("/help/:lang/a/:key", s.helpOpen(s.helpArticle))
	r.POST("/help/:lang/a/:key", s.helpOpen(s.helpVote))
	r.GET("/help/:lang/search", s.helpOpen(s.helpSearch))
	r.GET("/help/files/:id", s.helpOpen(s.helpFile))
	r.GET("/help/sitemap.xml", s.helpOpen(s.helpSitemap))
	style, _ := helpFiles.ReadFile("help/help.css") // embedded, cannot fail
	r.GET("/help/help.css", s.helpOpen(func(c *gin.Context) { s.sendCached(c, "text/css; charset=utf-8", "public, max-age=3600", style) }))
}

// helpOpen lets a request through when there is a help centre.
func (s *Server) helpOpen(f gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if s.parts.KB == nil || s.parts.KB.Config().HelpOff {
			refuse(c, http.StatusNotFound, "there is no help centre here")
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), requestTime)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Header("Content-Security-Policy", helpPolicy)
		c.Header("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		c.Header("Referrer-Policy", "same-origin") // with "no-referrer" a browser's vote would come from the origin "null"
		f(c)
	}
}

var helpLanguages = language.NewMatcher([]language.Tag{language.Chinese, language.English})

// helpStart sends a reader to the own language.
func (s *Server) helpStart(c *gin.Context) {
	lang := s.parts.KB.Config().Lang
	if accepted := c.GetHeader("Accept-Language"); accepted != "" && len(accepted) < 500 {
		if tags, _, err := language.ParseAcceptLanguage(accepted); err == nil && len(tags) > 0 {
			if _, i, confidence := helpLanguages.Match(tags...); confidence >= language.Low {
				lang = []string{"zh", "en"}[i]
			}
		}
	}
	c.Header("Vary", "Accept-Language")
	c.Redirect(http.StatusFound, "/help/"+lang)
}

// helpBegin begins a page; nil when the language is none, which is answered already.
func (s *Server) helpBegin(c *gin.Context) *helpView {
	lang := c.Param("lang")
	words := helpWords[lang]
	if words == nil {
		s.helpLost(c, s.parts.KB.Config().Lang)
		return nil
	}
	v := &helpView{Lang: lang, Tag: helpTags[lang], T: words, Site: cmp.Or(s.parts.KB.Config().Title, words["site"])}
	for _, other := range kb.Languages {
		if other != lang {
			v.Others = append(v.Others, helpLink{Name: helpNames[other], Tag: helpTags[other], URL: "/help/" + other})
		}
	}
	return v
}

func articleURL(p *kb.Published) string { return "/help/" + p.Lang + "/a/" + url.PathEscape(p.Key) }

func categoryURL(lang, path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "/help/" + lang + "/c/" + strings.Join(parts, "/")
}

func (s *Server) helpHome(c *gin.Context) {
	v := s.helpBegin(c)
	if v == nil {
		return
	}
	v.Home = true
	v.Categories = s.helpCategories(v.Lang, "")
	v.Heading = v.T["popular"]
	for _, p := range s.parts.KB.Popular(v.Lang, 8) {
		v.Items = append(v.Items, helpItem{Title: p.Title, URL: articleURL(p)})
	}
	if len(v.Items) == 0 {
		v.None = v.T["empty"]
	}
	s.sendHelp(c, http.StatusOK, helpCache, v)
}

// helpCategories are the categories right under one, with how much is in them.
func (s *Server) helpCategories(lang, above string) []helpLink {
	counts := map[string]int{}
	prefix := ""
	if above != "" {
		prefix = above + "/"
	}
	for _, p := range s.parts.KB.Published(lang, above, kb.Public) {
		rest, ok := strings.CutPrefix(p.Category, prefix)
		if !ok || rest == "" || p.Category == above {
			continue
		}
		first, _, _ := strings.Cut(rest, "/")
		counts[prefix+first]++
	}
	var out []helpLink
	for path, n := range counts {
		out = append(out, helpLink{Name: s.parts.KB.CategoryName(path, lang), URL: categoryURL(lang, path), N: n, Tag: path})
	}
	slices.SortFunc(out, func(a, b helpLink) int {
		return cmp.Or(cmp.Compare(s.parts.KB.CategoryOrder(a.Tag), s.parts.KB.CategoryOrder(b.Tag)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tag, b.Tag))
	})
	return out
}

// helpPath leads from the start to a category.
func (s *Server) helpPath(lang, path string) []helpLink {
	var out []helpLink
	for i := range len(path) + 1 {
		if path != "" && (i == len(path) || path[i] == '/') {
			out = append(out, helpLink{Name: s.parts.KB.CategoryName(path[:i], lang), URL: categoryURL(lang, path[:i])})
		}
	}
	return out
}

func (s *Server) helpCategory(c *gin.Context) {
	v := s.helpBegin(c)
	if v == nil {
		return
	}
	path := kb.CategoryPath(c.Param("path"))
	all := s.parts.KB.Published(v.Lang, path, kb.Public)
	if path == "" || len(all) == 0 {
		s.helpLost(c, v.Lang)
		return
	}
	v.Path = s.helpPath(v.Lang, path)
	v.Title = v.Path[len(v.Path)-1].Name
	v.Path = v.Path[:len(v.Path)-1]
	v.Categories = s.helpCategories(v.Lang, path)
	for _, p := range all {
		if p.Category == path && len(v.Items) < helpItems {
			v.Items = append(v.Items, helpItem{Title: p.Title, URL: articleURL(p)})
		}
	}
	if len(v.Path) == 0 {
		v.Path = []helpLink{}
	}
	s.sendHelp(c, http.StatusOK, helpCache, v)
}

func (s *Server) helpArticle(c *gin.Context) {
	v := s.helpBegin(c)
	if v == nil {
		return
	}
	p := s.parts.KB.Find(c.Param("key"), v.Lang, kb.Public)
	if p == nil {
		s.helpLost(c, v.Lang)
		return
	}
	cache := helpCache
	switch c.Query("voted") {
	case "1":
		v.Thanks, cache, v.NoIndex = v.T["thanks"], "no-store", true
	case "0":
		v.Thanks, cache, v.NoIndex = v.T["again"], "no-store", true
	}
	files, err := s.parts.KB.Store().Attachments(c.Request.Context(), p.ID)
	if err != nil {
		s.refuseError(c, err)
		return
	}
	v.Article, v.Title, v.Body, v.Files = p, p.Title, kb.Render(p.Markdown), files
	v.Summary = helpCut(strings.Join(strings.Fields(p.Text), " "), 160)
	v.Path = s.helpPath(v.Lang, p.Category)
	for i, other := range v.Others {
		for _, lang := range kb.Languages {
			if helpTags[lang] == other.Tag {
				if twin := s.parts.KB.Find(p.Key, lang, kb.Public); twin != nil {
					v.Others[i].URL = articleURL(twin)
				}
			}
		}
	}
	v.Heading = v.T["related"]
	for _, other := range s.parts.KB.Published(v.Lang, p.Category, kb.Public) {
		if other.ID != p.ID && p.Category != "" && len(v.Items) < 5 {
			v.Items = append(v.Items, helpItem{Title: other.Title, URL: articleURL(other)})
		}
	}
	if v.Thanks == "" && s.help.take(c.ClientIP(), s.now()) {
		if err := s.parts.KB.Store().Record(c.Request.Context(), kb.Event{Article: p.ID, Kind: kb.Shown, Channel: "help"}); err != nil && !errors.Is(err, pg.ErrNotFound) {
			s.log.Warn("a view of an article was not counted", "error", err)
		}
	}
	s.sendHelp(c, http.StatusOK, cache, v)
}

// helpCut is the beginning of a text, at most n characters.
func helpCut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// helpVote keeps whether an article helped: once a day per address and article.
func (s *Server) helpVote(c *gin.Context) {
	v := s.helpBegin(c)
	if v == nil {
		return
	}
	p := s.parts.KB.Find(c.Param("key"), v.Lang, kb.Public)
	if p == nil {
		s.helpLost(c, v.Lang)
		return
	}
	kind := kb.EventKind(c.PostForm("vote"))
	if kind != kb.Up && kind != kb.Down {
		refuse(c, http.StatusUnprocessableEntity, "a vote is up or down")
		return
	}
	if !s.help.take(c.ClientIP(), s.now()) {
		s.helpBusy(c, v)
		return
	}
	voted := "0"
	if s.help.vote(c.ClientIP(), p.Lang+"/"+p.Key, s.now()) {
		if err := s.parts.KB.Store().Record(c.Request.Context(), kb.Event{Article: p.ID, Kind: kind, Channel: "help"}); err != nil {
			s.refuseError(c, err)
			return
		}
		voted = "1"
	}
	c.Redirect(http.StatusSeeOther, articleURL(p)+"?voted="+voted+"#vote")
}

func (s *Server) helpSearch(c *gin.Context) {
	v := s.helpBegin(c)
	if v == nil {
		return
	}
	v.NoIndex, v.Title = true, v.T["results"]
	v.Query = helpCut(strings.ToValidUTF8(strings.TrimSpace(c.Query("q")), ""), 200)
	if !s.help.take(c.ClientIP(), s.now()) {
		s.helpBusy(c, v)
		return
	}
	found, err := s.parts.KB.Search(c.Request.Context(), kb.Query{Text: v.Query, Lang: v.Lang}, 20)
	if err != nil && !errors.Is(err, kb.ErrQuestion) {
		s.refuseError(c, err)
		return
	}
	for _, f := range found.Items {
		v.Items = append(v.Items, helpItem{Title: f.Article.Title, URL: articleURL(f.Article), Text: helpCut(cmp.Or(f.Passage, f.Article.Text), 140)})
	}
	if len(v.Items) == 0 {
		v.None = v.T["nothing"]
	}
	s.sendHelp(c, http.StatusOK, "private, max-age=60", v)
}

func (s *Server) helpBusy(c *gin.Context, v *helpView) {
	v.Title, v.None, v.NoIndex = v.T["results"], v.T["busy"], true
	c.Header("Retry-After", "60")
	s.sendHelp(c, http.StatusTooManyRequests, "no-store", v)
}

func (s *Server) helpLost(c *gin.Context, lang string) {
	words := helpWords[lang]
	v := &helpView{Lang: lang, Tag: helpTags[lang], T: words, Site: cmp.Or(s.parts.KB.Config().Title, words["site"]), Title: words["lost"], None: words["lostText"], NoIndex: true}
	s.sendHelp(c, http.StatusNotFound, "no-store", v)
}

// helpFile sends a file of a live public article.
func (s *Server) helpFile(c *gin.Context) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		s.helpLost(c, s.parts.KB.Config().Lang)
		return
	}
	f, err := s.parts.KB.Store().File(c.Request.Context(), id)
	if err == nil && s.parts.KB.Get(f.Article, kb.Public) == nil && !s.mayReadDrafts(c) {
		err = pg.ErrNotFound
	}
	if errors.Is(err, pg.ErrNotFound) {
		s.helpLost(c, s.parts.KB.Config().Lang)
		return
	}
	if err != nil {
		s.refuseError(c, err)
		return
	}
	c.Header("Content-Security-Policy", filePolicy)
	place := "inline"
	if !strings.HasPrefix(f.Kind, "image/") {
		place = "attachment"
	}
	c.Header("Content-Disposition", place+"; filename*=UTF-8''"+url.PathEscape(f.Name))
	s.sendCached(c, f.Kind, "private, max-age=300", f.Data)
}

// mayReadDrafts tells whether the request comes with somebody's session.
func (s *Server) mayReadDrafts(c *gin.Context) bool {
	sess, err := s.authenticate(c)
	return err == nil && sess.User.Role.may(RoleAgent)
}

type sitemapEntry struct {
	Loc     string `xml:"loc"`
	LastMod string `xml:"lastmod,omitempty"`
}

type sitemap struct {
	XMLName xml.Name       `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	URLs    []sitemapEntry `xml:"url"`
}

// helpSitemap lists every page for search engines (sitemaps.org: at most 50,000).
func (s *Server) helpSitemap(c *gin.Context) {
	site := strings.TrimSuffix(s.parts.KB.Config().Site, "/")
	cache := helpCache
	if site == "" {
		u := url.URL{Scheme: "http", Host: c.Request.Host}
		if c.Request.TLS != nil {
			u.Scheme = "https"
		}
		site, cache = u.String(), "no-store" // as it was asked for
	}
	var m sitemap
	for _, lang := range kb.Languages {
		all := s.parts.KB.Published(lang, "", kb.Public)
		if len(all) == 0 {
			continue
		}
		m.URLs = append(m.URLs, sitemapEntry{Loc: site + "/help/" + lang})
		for _, p := range all[:min(len(all), 20000)] {
			m.URLs = append(m.URLs, sitemapEntry{site + articleURL(p), p.UpdatedAt.UTC().Format(time.DateOnly)})
		}
	}
	body, err := xml.Marshal(m)
	if err != nil {
		s.refuseError(c, err)
		return
	}
	s.sendCached(c, "application/xml; charset=utf-8", cache, append([]byte(xml.Header), body...))
}

// sendHelp fills the template and sends it.
func (s *Server) sendHelp(c *gin.Context, status int, cache string, v *helpView) {
	var out bytes.Buffer
	if err := helpPage.Execute(&out, v); err != nil {
		s.refuseError(c, err)
		return
	}
	if status != http.StatusOK {
		c.Header("Cache-Control", cache)
		c.Data(status, "text/html; charset=utf-8", out.Bytes())
		return
	}
	s.sendCached(c, "text/html; charset=utf-8", cache, out.Bytes())
}

// sendCached sends bytes with a tag, or 304 when the reader has them.
func (s *Server) sendCached(c *gin.Context, kind, cache string, body []byte) {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	c.Header("Cache-Control", cache)
	c.Header("ETag", tag)
	if c.GetHeader("If-None-Match") == tag {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Data(http.StatusOK, kind, body)
}
