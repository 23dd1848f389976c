package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/kb"
)

// Bodies and times of the routes that carry files and long articles.
const (
	articleBody = 1 << 20
	uploadTime  = 5 * time.Minute
)

// wideRoutes are routes whose bodies are longer than others', in bytes.
var wideRoutes = map[string]int64{
	http.MethodPost + " " + base + "/kb/articles":           articleBody,
	http.MethodPut + " " + base + "/kb/articles/:id":        articleBody,
	http.MethodPost + " " + base + "/kb/lint":               articleBody,
	http.MethodPost + " " + base + "/kb/preview":            articleBody,
	http.MethodPost + " " + base + "/kb/articles/:id/files": kb.MaxAttachment,
	http.MethodPost + " " + base + "/kb/import":             kb.MaxImportFile,
	http.MethodPost + " /t/:token":                          doorBody,
}

// slowRoutes are routes that may take longer than others.
var slowRoutes = map[string]time.Duration{
	http.MethodPost + " " + base + "/kb/import": uploadTime,
	http.MethodGet + " " + base + "/kb/export":  uploadTime,
	// A list of 10,000 people on a busy machine.
	http.MethodPost + " " + base + "/contact-imports": longRequest,
}

// ArticlePage is the body of GET /kb/articles.
type ArticlePage struct {
	Items []kb.Listed `json:"items"`
	Total int         `json:"total"`
}

// ArticleView is the body of GET /kb/articles/{id}.
type ArticleView struct {
	kb.Record
	Twins      []Twin          `json:"twins" doc:"the same key in other languages"`
	Files      []kb.Attachment `json:"files"`
	Acceptance kb.Acceptance   `json:"acceptance" doc:"of the last 180 days"`
	MayApprove bool            `json:"may_approve" doc:"the one who asks may publish this version"`
}

// Twin is an article in another language.
type Twin struct {
	ID    int64    `json:"id"`
	Lang  string   `json:"lang"`
	State kb.State `json:"state"`
	Title string   `json:"title"`
}

// VersionList is the body of GET /kb/articles/{id}/versions.
type VersionList struct {
	Items []kb.Version `json:"items"`
}

// DiffView is the body of GET /kb/articles/{id}/diff.
type DiffView struct {
	Lines []kb.DiffLine `json:"lines"`
}

// WarningList is the body of POST /kb/lint.
type WarningList struct {
	Items []kb.Warning `json:"items"`
}

// PreviewList is the body of POST /kb/preview.
type PreviewList struct {
	Items []kb.Preview `json:"items"`
}

// CategoryList is the body of GET /kb/categories.
type CategoryList struct {
	Items []kb.CategoryCount `json:"items"`
}

// JudgementList is the body of GET /kb/judgements.
type JudgementList struct {
	Items []kb.Judgement `json:"items"`
}

func (s *Server) kbRoutes(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		o := operation(id, method, "/kb"+path, "kb", summary, errs...)
		if n := wideRoutes[method+" "+ginPath(base+"/kb"+path)]; n > 0 {
			o.MaxBodyBytes = n
		}
		return o
	}
	empty := func(o huma.Operation) huma.Operation {
		o.DefaultStatus = http.StatusNoContent
		return o
	}
	huma.Register(api, op("kb-articles", http.MethodGet, "/articles", "Articles, 50 at a time"), s.listArticles)
	huma.Register(api, op("kb-create", http.MethodPost, "/articles", "Add an article as a draft", 409, 422), s.createArticle)
	huma.Register(api, op("kb-article", http.MethodGet, "/articles/{id}", "An article with its latest content", 404), s.getArticle)
	huma.Register(api, op("kb-save", http.MethodPut, "/articles/{id}", "Save another version of an article, as a draft; what is live stays", 404, 409, 422), s.saveArticle)
	huma.Register(api, empty(op("kb-delete", http.MethodDelete, "/articles/{id}", "Take a retired article away, with its versions, votes and files", 404, 409)), s.deleteArticle)
	huma.Register(api, op("kb-move", http.MethodPost, "/articles/{id}/state", "Bring an article into another state: draft, review, live, retired", 404, 409), s.moveArticle)
	huma.Register(api, op("kb-roll-back", http.MethodPost, "/articles/{id}/roll-back", "Make a draft of an earlier version", 404, 409), s.rollBackArticle)
	huma.Register(api, op("kb-versions", http.MethodGet, "/articles/{id}/versions", "Versions of an article, newest first", 404), s.articleVersions)
	huma.Register(api, op("kb-diff", http.MethodGet, "/articles/{id}/diff", "What became of one version in another; 0 is nothing and the latest", 404, 422), s.diffArticle)
	huma.Register(api, op("kb-try", http.MethodPost, "/articles/{id}/try", "What a question would be answered now, and with the article's latest version", 404, 422), s.tryArticle)
	huma.Register(api, op("kb-attach", http.MethodPost, "/articles/{id}/files", "Attach a file: PNG, JPEG, GIF, WebP or PDF", 404, 409, 413, 422), s.attachFile)
	huma.Register(api, empty(op("kb-detach", http.MethodDelete, "/files/{id}", "Take a file away", 404)), s.detachFile)
	huma.Register(api, op("kb-lint", http.MethodPost, "/lint", "What an editor should look at before an article is saved", 422), s.lintArticle)
	huma.Register(api, op("kb-preview", http.MethodPost, "/preview", "How each channel would show a content", 422), s.previewArticle)
	huma.Register(api, op("kb-categories", http.MethodGet, "/categories", "Categories with what is in them"), s.listKBCategories)
	huma.Register(api, empty(op("kb-name-category", http.MethodPut, "/categories", "Name a category in a language; an empty name takes it away", 422)), s.nameKBCategory)
	huma.Register(api, op("kb-search", http.MethodGet, "/search", "Find live articles by meaning and by words", 422), s.searchArticles)
	huma.Register(api, op("kb-ask", http.MethodPost, "/ask", "What a question is answered, and why", 422), s.askArticles)
	huma.Register(api, empty(op("kb-events", http.MethodPost, "/events", "Tell what became of articles: shown, clicked, sent, edited, up, down", 404, 422)), s.recordEvents)
	huma.Register(api, empty(op("kb-label", http.MethodPost, "/questions", "Say what article answers a question; an empty one is: none", 422)), s.labelQuestions)
	huma.Register(api, op("kb-judgements", http.MethodGet, "/judgements", "Thresholds of each language with the curve behind them, and the judgements that were learnt"), s.listJudgements)
	huma.Register(api, empty(op("kb-shift", http.MethodPut, "/judgements/{name}/shift", "Move a language's thresholds by at most 0.1", 422)), s.shiftThresholds)
	train := op("kb-train", http.MethodPost, "/judgements/{name}/train", "Learn a language's judgement anew, in the background", 422)
	train.DefaultStatus = http.StatusAccepted
	huma.Register(api, train, s.trainJudgement)
	huma.Register(api, op("kb-import", http.MethodPost, "/import", "Bring in articles: .csv, .jsonl, .md, .html, or .zip of these; the same file again changes nothing", 413, 422), s.importArticles)
	huma.Register(api, op("kb-export", http.MethodGet, "/export", "All articles of a filter as a file", 422), s.exportArticles)
}

// errNoKB is for a server that runs without articles.
func errNoKB() error { return huma.Error503ServiceUnavailable("this server has no articles") }

// kb is the service, or the problem that there is none.
func (s *Server) kb() (*kb.Service, error) {
	if s.parts.KB == nil {
		return nil, errNoKB()
	}
	return s.parts.KB, nil
}

// kbProblem maps the errors of articles.
func (s *Server) kbProblem(ctx context.Context, err error) error {
	var content *kb.ContentError
	switch {
	case errors.As(err, &content):
		return huma.Error422UnprocessableEntity(content.Reason)
	case errors.Is(err, kb.ErrQuestion):
		return huma.Error422UnprocessableEntity(kb.ErrQuestion.Error())
	case errors.Is(err, kb.ErrVersion):
		return huma.Error409Conflict(kb.ErrVersion.Error())
	case errors.Is(err, kb.ErrState):
		return huma.Error409Conflict(kb.ErrState.Error())
	case errors.Is(err, kb.ErrRight):
		return huma.Error403Forbidden("somebody else has to do this: one's own text, or a right that is missing")
	}
	return s.problem(ctx, err)
}

// kbActor is the caller as articles see it.
func kbActor(ctx context.Context) kb.Actor {
	who := callerOf(ctx)
	return kb.Actor{Name: who.User.Username, Edit: who.User.Role.may(RoleEditor), Approve: who.User.Role.may(RoleEditor)}
}

// kbAlso writes the audit row of a change of an article. Detail holds no text of it.
func (s *Server) kbAlso(ctx context.Context, action act, detail map[string]any) kb.Also {
	who := callerOf(ctx)
	return func(tx pgx.Tx, r kb.Record) error {
		e := who.entry(action, "article:"+r.Key+"."+r.Lang)
		e.Detail = map[string]any{"version": r.Version, "state": string(r.State)}
		for k, v := range detail {
			e.Detail[k] = v
		}
		return s.audit.add(ctx, tx, e)
	}
}

// kbSeen makes search see what was just committed.
func (s *Server) kbSeen(ctx context.Context) {
	if err := s.parts.KB.Changed(ctx); err != nil {
		s.log.Warn("articles are read again later", "error", err)
	}
}

// ArticleFilter picks articles; empty fields take everything.
type ArticleFilter struct {
	Q        string `query:"q" maxLength:"200" doc:"words of title, key, category or text"`
	Lang     string `query:"lang" enum:"zh,en"`
	Type     string `query:"type" enum:"faq,product,process"`
	State    string `query:"state" enum:"draft,review,live,retired"`
	Audience string `query:"audience" enum:"public,agent"`
	Category string `query:"category" maxLength:"500" doc:"and what is under it"`
	Owner    string `query:"owner" maxLength:"64"`
	Overdue  bool   `query:"overdue" doc:"review day passed or not set"`
}

func (f *ArticleFilter) filter() kb.Filter {
	return kb.Filter{Query: f.Q, Lang: f.Lang, Type: kb.Type(f.Type), State: kb.State(f.State), Audience: kb.Audience(f.Audience), Category: f.Category, Owner: f.Owner, Overdue: f.Overdue}
}

type articlesInput struct {
	ArticleFilter
	Sort   string `query:"sort" enum:"updated,title,stale,down,shown"`
	Offset int    `query:"offset" minimum:"0" maximum:"100000"`
}

func (s *Server) listArticles(ctx context.Context, in *articlesInput) (*bodyOf[ArticlePage], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	f := in.filter()
	f.Sort, f.Offset = in.Sort, in.Offset
	items, total, err := articles.Store().List(ctx, f)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[ArticlePage]{ArticlePage{append([]kb.Listed{}, items...), total}}, nil
}

// ArticleEdit is what an editor writes.
type ArticleEdit struct {
	kb.Content
	Owner    string `json:"owner,omitempty" maxLength:"64"`
	ReviewBy string `json:"review_by,omitempty" maxLength:"10" doc:"YYYY-MM-DD"`
	Note     string `json:"note,omitempty" maxLength:"500" doc:"why"`
}

func (e *ArticleEdit) edit() kb.Edit {
	return kb.Edit{Content: e.Content, Owner: e.Owner, ReviewBy: e.ReviewBy, Note: e.Note}
}

type kbCreateInput struct {
	Body struct {
		ArticleEdit
		Key  string `json:"key" minLength:"1" maxLength:"100"`
		Lang string `json:"lang" enum:"zh,en"`
	}
}

func (s *Server) createArticle(ctx context.Context, in *kbCreateInput) (*bodyOf[kb.Record], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	r, err := articles.Store().Create(ctx, kbActor(ctx), in.Body.Key, in.Body.Lang, in.Body.edit(), s.kbAlso(ctx, actArticleCreated, nil))
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Record]{r}, nil
}

// ArticleID names an article in a path.
type ArticleID struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) getArticle(ctx context.Context, in *ArticleID) (*bodyOf[ArticleView], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	store := articles.Store()
	r, err := store.Get(ctx, in.ID)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	view := ArticleView{Record: r, Twins: []Twin{}}
	files, err1 := store.Attachments(ctx, in.ID)
	twins, err2 := store.Twins(ctx, r.Key)
	versions, err3 := store.Versions(ctx, in.ID)
	var err4 error
	view.Acceptance, err4 = store.Acceptance(ctx, in.ID, s.now().AddDate(0, 0, -180))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	view.Files = append([]kb.Attachment{}, files...)
	for i := range twins {
		if t := &twins[i]; t.ID != r.ID {
			view.Twins = append(view.Twins, Twin{t.ID, t.Lang, t.State, t.Title})
		}
	}
	who := kbActor(ctx)
	view.MayApprove = who.Approve && !(articles.Config().FourEyes && len(versions) > 0 && versions[0].By == who.Name)
	return &bodyOf[ArticleView]{view}, nil
}

type kbSaveInput struct {
	ArticleID
	Body struct {
		ArticleEdit
		Version int `json:"version" minimum:"1" doc:"that the editor saw"`
	}
}

func (s *Server) saveArticle(ctx context.Context, in *kbSaveInput) (*bodyOf[kb.Record], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	r, err := articles.Store().Save(ctx, kbActor(ctx), in.ID, in.Body.Version, in.Body.edit(), s.kbAlso(ctx, actArticleSaved, nil))
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Record]{r}, nil
}

func (s *Server) deleteArticle(ctx context.Context, in *ArticleID) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	if err := articles.Store().Delete(ctx, kbActor(ctx), in.ID, s.kbAlso(ctx, actArticleDeleted, nil)); err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	s.kbSeen(ctx)
	return nil, nil
}

type kbMoveInput struct {
	ArticleID
	Body struct {
		Version int      `json:"version" minimum:"1" doc:"that was looked at"`
		State   kb.State `json:"state" enum:"draft,review,live,retired"`
		Note    string   `json:"note,omitempty" maxLength:"500"`
	}
}

func (s *Server) moveArticle(ctx context.Context, in *kbMoveInput) (*bodyOf[kb.Record], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	r, err := articles.Store().Move(ctx, kbActor(ctx), in.ID, in.Body.Version, in.Body.State, in.Body.Note, articles.Config().FourEyes, s.kbAlso(ctx, actArticleMoved, nil))
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	s.kbSeen(ctx)
	return &bodyOf[kb.Record]{r}, nil
}

type kbRollBackInput struct {
	ArticleID
	Body struct {
		Version int `json:"version" minimum:"1" doc:"the latest, that was looked at"`
		To      int `json:"to" minimum:"1"`
	}
}

func (s *Server) rollBackArticle(ctx context.Context, in *kbRollBackInput) (*bodyOf[kb.Record], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	r, err := articles.Store().RollBack(ctx, kbActor(ctx), in.ID, in.Body.Version, in.Body.To, s.kbAlso(ctx, actArticleRolledBack, map[string]any{"to": in.Body.To}))
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Record]{r}, nil
}

func (s *Server) articleVersions(ctx context.Context, in *ArticleID) (*bodyOf[VersionList], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	items, err := articles.Store().Versions(ctx, in.ID)
	if err == nil && len(items) == 0 {
		return nil, huma.Error404NotFound("there is no such thing")
	}
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[VersionList]{VersionList{items}}, nil
}

type kbDiffInput struct {
	ArticleID
	From int `query:"from" minimum:"0" maximum:"2147483647" doc:"0 is nothing"`
	To   int `query:"to" minimum:"0" maximum:"2147483647" doc:"0 is the latest"`
}

func (s *Server) diffArticle(ctx context.Context, in *kbDiffInput) (*bodyOf[DiffView], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	store := articles.Store()
	var from, to kb.Content
	if in.From > 0 {
		if from, err = store.ContentOf(ctx, in.ID, in.From); err != nil {
			return nil, s.kbProblem(ctx, err)
		}
	}
	if in.To > 0 {
		to, err = store.ContentOf(ctx, in.ID, in.To)
	} else {
		var r kb.Record
		r, err = store.Get(ctx, in.ID)
		to = r.Content
	}
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[DiffView]{DiffView{kb.Diff(&from, &to)}}, nil
}

type kbTryInput struct {
	ArticleID
	Body struct {
		Question string      `json:"question" minLength:"1" maxLength:"1000"`
		Audience kb.Audience `json:"audience,omitempty" enum:"public,agent" default:"public"`
	}
}

func (s *Server) tryArticle(ctx context.Context, in *kbTryInput) (*bodyOf[kb.Trial], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	trial, err := articles.Try(ctx, in.ID, kb.Query{Text: in.Body.Question, Audience: in.Body.Audience})
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Trial]{trial}, nil
}

type kbAttachInput struct {
	ArticleID
	Name    string `query:"name" required:"true" minLength:"1" maxLength:"300" doc:"of the file"`
	RawBody []byte `contentType:"application/octet-stream"`
}

func (s *Server) attachFile(ctx context.Context, in *kbAttachInput) (*bodyOf[kb.Attachment], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	a, err := articles.Store().Attach(ctx, kbActor(ctx), in.ID, in.Name, in.RawBody, s.kbAlso(ctx, actArticleFileAdded, map[string]any{"size": len(in.RawBody)}))
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Attachment]{a}, nil
}

type kbFileInput struct {
	ID string `path:"id" maxLength:"36" doc:"of the file"`
}

func (s *Server) detachFile(ctx context.Context, in *kbFileInput) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, huma.Error404NotFound("there is no such thing")
	}
	f, err := articles.Store().File(ctx, id)
	if err == nil {
		err = articles.Store().Detach(ctx, kbActor(ctx), f.Article, id, s.kbAlso(ctx, actArticleFileRemoved, nil))
	}
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return nil, nil
}

type kbLintInput struct {
	Body struct {
		ArticleEdit
		ID   int64  `json:"id,omitempty" minimum:"0" doc:"0 for one that is not saved yet"`
		Key  string `json:"key" maxLength:"100"`
		Lang string `json:"lang" enum:"zh,en"`
	}
}

func (s *Server) lintArticle(ctx context.Context, in *kbLintInput) (*bodyOf[WarningList], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	items, err := articles.Lint(ctx, in.Body.ID, in.Body.Key, in.Body.Lang, in.Body.edit())
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[WarningList]{WarningList{items}}, nil
}

type kbPreviewInput struct {
	Body kb.Content
}

func (s *Server) previewArticle(ctx context.Context, in *kbPreviewInput) (*bodyOf[PreviewList], error) {
	in.Body.Normalize()
	if err := in.Body.Check(); err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[PreviewList]{PreviewList{kb.Previews(&in.Body)}}, nil
}

type kbLangInput struct {
	Lang string `query:"lang" enum:"zh,en" default:"zh"`
}

func (s *Server) listKBCategories(ctx context.Context, in *kbLangInput) (*bodyOf[CategoryList], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	items, err := articles.Store().Categories(ctx, in.Lang)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[CategoryList]{CategoryList{append([]kb.CategoryCount{}, items...)}}, nil
}

type kbCategoryInput struct {
	Body struct {
		Path string `json:"path" minLength:"1" maxLength:"500"`
		Lang string `json:"lang" enum:"zh,en"`
		Name string `json:"name" maxLength:"100"`
		Ord  int    `json:"ord,omitempty" minimum:"0" maximum:"10000" doc:"place among its like"`
	}
}

func (s *Server) nameKBCategory(ctx context.Context, in *kbCategoryInput) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := articles.Store().NameCategory(ctx, tx, in.Body.Path, in.Body.Lang, in.Body.Name, in.Body.Ord); err != nil {
			return err
		}
		e := who.entry(actCategoryNamed, "category:"+kb.CategoryPath(in.Body.Path))
		e.Detail = map[string]any{"lang": in.Body.Lang}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	s.kbSeen(ctx)
	return nil, nil
}

type kbSearchInput struct {
	Q        string `query:"q" required:"true" minLength:"1" maxLength:"500"`
	Lang     string `query:"lang" enum:"zh,en" doc:"found out when not given"`
	Category string `query:"category" maxLength:"500"`
	Limit    int    `query:"limit" minimum:"1" maximum:"50" default:"10"`
}

func (s *Server) searchArticles(ctx context.Context, in *kbSearchInput) (*bodyOf[kb.Found], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	found, err := articles.Search(ctx, kb.Query{Text: in.Q, Lang: in.Lang, Category: in.Category, Audience: kb.Agents}, in.Limit)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Found]{found}, nil
}

type kbAskInput struct {
	Body struct {
		Question string            `json:"question" minLength:"1" maxLength:"1000"`
		Lang     string            `json:"lang,omitempty" enum:"zh,en"`
		Audience kb.Audience       `json:"audience,omitempty" enum:"public,agent" default:"public"`
		Category string            `json:"category,omitempty" maxLength:"500"`
		Slots    map[string]string `json:"slots,omitempty" maxProperties:"50" doc:"values that are known already"`
		Explain  bool              `json:"explain,omitempty" doc:"weigh even when a rule decides"`
		Suggest  bool              `json:"suggest,omitempty" doc:"for an agent's desktop: likely articles take turns"`
	}
}

func (s *Server) askArticles(ctx context.Context, in *kbAskInput) (*bodyOf[kb.Answer], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	q := kb.Query{Text: b.Question, Lang: b.Lang, Audience: b.Audience, Category: b.Category, Slots: b.Slots, Explain: b.Explain}
	ask := articles.Ask
	if b.Suggest {
		ask = articles.Suggest
	}
	a, err := ask(ctx, q)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Answer]{a}, nil
}

type kbEventsInput struct {
	Body struct {
		Events []kb.Event `json:"events" minItems:"1" maxItems:"100"`
	}
}

func (s *Server) recordEvents(ctx context.Context, in *kbEventsInput) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	for i := range in.Body.Events {
		in.Body.Events[i].Actor = callerOf(ctx).User.Username
	}
	if err := articles.Store().Record(ctx, in.Body.Events...); err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return nil, nil
}

type kbLabelsInput struct {
	Body struct {
		Questions []kb.Question `json:"questions" minItems:"1" maxItems:"100"`
	}
}

func (s *Server) labelQuestions(ctx context.Context, in *kbLabelsInput) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := articles.Store().Label(ctx, tx, who.User.Username, "human", in.Body.Questions...); err != nil {
			return err
		}
		e := who.entry(actQuestionsLabelled, "kb")
		e.Detail = map[string]any{"questions": len(in.Body.Questions)}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return nil, nil
}

func (s *Server) listJudgements(ctx context.Context, _ *struct{}) (*bodyOf[JudgementList], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	items, err := articles.Judgements(ctx)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[JudgementList]{JudgementList{items}}, nil
}

type kbShiftInput struct {
	Name string `path:"name" enum:"zh,en" doc:"language"`
	Body kb.Shift
}

func (s *Server) shiftThresholds(ctx context.Context, in *kbShiftInput) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := articles.Store().SetShift(ctx, tx, who.User.Username, in.Name, in.Body); err != nil {
			return err
		}
		e := who.entry(actThresholdsMoved, "kb:"+in.Name)
		e.Detail = map[string]any{"answer": in.Body.Answer, "clarify": in.Body.Clarify}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	s.kbSeen(ctx)
	return nil, nil
}

type kbTrainInput struct {
	Name string `path:"name" enum:"zh,en" doc:"language"`
}

func (s *Server) trainJudgement(ctx context.Context, in *kbTrainInput) (*struct{}, error) {
	if _, err := s.kb(); err != nil {
		return nil, err
	}
	if s.parts.Jobs == nil {
		return nil, huma.Error503ServiceUnavailable("this server does no work in the background")
	}
	who := callerOf(ctx)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Jobs.Insert(ctx, tx, kb.TrainArgs{Lang: in.Name, By: who.User.Username}); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actJudgementTrained, "kb:"+in.Name))
	})
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return nil, nil
}

type kbImportInput struct {
	Name    string `query:"name" required:"true" minLength:"1" maxLength:"300" doc:"of the file; its ending says what it is"`
	Publish bool   `query:"publish" doc:"bring what comes in to life at once"`
	Check   bool   `query:"check" doc:"only tell what would be wrong"`
	RawBody []byte `contentType:"application/octet-stream"`
}

func (s *Server) importArticles(ctx context.Context, in *kbImportInput) (*bodyOf[kb.Report], error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	batch, err := kb.ReadFile(in.Name, in.RawBody)
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	report, err := articles.Store().Import(ctx, kbActor(ctx), batch, kb.ImportOptions{Publish: in.Publish, Check: in.Check})
	if !in.Check && report.Created+report.Updated+report.Published+report.Questions > 0 {
		e := callerOf(ctx).entry(actArticlesImported, "kb")
		e.Detail = map[string]any{"created": report.Created, "updated": report.Updated, "published": report.Published, "questions": report.Questions, "failed": report.Failed}
		err = errors.Join(err, s.audit.write(ctx, e))
		s.kbSeen(ctx)
	}
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &bodyOf[kb.Report]{report}, nil
}

type kbExportInput struct {
	ArticleFilter
	Format string `query:"format" enum:"csv,jsonl,markdown,html,bitext" default:"csv"`
}

func (s *Server) exportArticles(ctx context.Context, in *kbExportInput) (*huma.StreamResponse, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	items, err := articles.Store().Export(ctx, in.filter())
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	e := callerOf(ctx).entry(actArticlesExported, "kb")
	e.Detail = map[string]any{"articles": len(items), "format": in.Format}
	if err := s.audit.write(ctx, e); err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		ext := kb.Formats[in.Format]
		c.SetHeader("Content-Type", map[string]string{".csv": "text/csv; charset=utf-8", ".jsonl": "application/jsonl", ".zip": "application/zip"}[ext])
		c.SetHeader("Content-Disposition", `attachment; filename="`+strings.Join([]string{"articles", in.Format}, "-")+ext+`"`)
		_ = kb.Write(c.BodyWriter(), in.Format, items) // the client went away
	}}, nil
}
