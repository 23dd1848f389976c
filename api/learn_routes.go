package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/assist"
	"tingxin/kb"
)

func init() {
	at := func(least Role, method string, paths ...string) {
		for _, p := range paths {
			access[method+" "+base+p] = least
		}
	}
	at(RoleEditor, http.MethodGet, "/kb/suggestions", "/kb/unanswered", "/kb/health")
	at(RoleEditor, http.MethodPost, "/kb/suggestions/:id/approve", "/kb/suggestions/:id/dismiss", "/kb/learn")
	at(RoleAdmin, http.MethodPost, "/kb/judgements/:name/activate")
	at(RoleAgent, http.MethodGet, "/practice/cases", "/practice/runs/:id", "/practice/results") // one's own; everybody's results for a supervisor
	at(RoleAgent, http.MethodPost, "/practice/runs", "/practice/runs/:id/answers")
	at(RoleEditor, http.MethodPost, "/practice/cases")
	at(RoleEditor, http.MethodPut, "/practice/cases/:id/retired")
}

// Bodies of the operations of learning.
type (
	// SuggestionList is the body of GET /kb/suggestions.
	SuggestionList struct {
		Items []assist.Cluster `json:"items"`
	}
	// ApprovedSuggestion is the body of POST /kb/suggestions/{id}/approve.
	ApprovedSuggestion struct {
		kb.Record
		Unpublished string `json:"unpublished,omitempty" doc:"why it stays a draft although it was to be published"`
	}
	// UnansweredPage is the body of GET /kb/unanswered.
	UnansweredPage struct {
		Items []assist.Question `json:"items"`
		Next  int64             `json:"next,omitempty" doc:"for before, when there are more"`
	}
	// CaseList is the body of GET /practice/cases.
	CaseList struct {
		Items []assist.Case `json:"items"`
	}
	// PracticeResults is the body of GET /practice/results.
	PracticeResults struct {
		Items []assist.Trained `json:"items"`
	}
)

const (
	maxSuggestions = 200
	maxUnanswered  = 100
)

func (s *Server) learnRoutes(api huma.API) {
	op := func(id, method, path, tag, summary string, errs ...int) huma.Operation {
		return operation(id, method, path, tag, summary, errs...)
	}
	huma.Register(api, op("kb-suggestions", http.MethodGet, "/kb/suggestions", "kb", "Questions that come again and again without a good answer, those with most impact first, and what to do about them"), s.listSuggestions)
	huma.Register(api, op("kb-approve", http.MethodPost, "/kb/suggestions/{id}/approve", "kb", "Make phrasings or an article of a suggestion; its questions are labelled and learnt from", 403, 404, 409, 422), s.approveSuggestion)
	dismiss := op("kb-dismiss", http.MethodPost, "/kb/suggestions/{id}/dismiss", "kb", "Let a suggestion go; it comes back when it has grown twice as large", 404, 409)
	dismiss.DefaultStatus = http.StatusNoContent
	huma.Register(api, dismiss, s.dismissCluster)
	huma.Register(api, op("kb-unanswered", http.MethodGet, "/kb/unanswered", "kb", "Questions that were not answered well, masked, newest first"), s.listUnanswered)
	huma.Register(api, op("kb-health", http.MethodGet, "/kb/health", "kb", "How well articles answer: week by week, by article, and what should be looked at"), s.kbHealth)
	learn := op("kb-learn", http.MethodPost, "/kb/learn", "kb", "Find clusters of questions and replies anew, in the background")
	learn.DefaultStatus = http.StatusAccepted
	huma.Register(api, learn, s.learnNow)
	activate := op("kb-activate", http.MethodPost, "/kb/judgements/{name}/activate", "kb", "Go back to an earlier judgement of a language", 404, 409)
	activate.DefaultStatus = http.StatusNoContent
	huma.Register(api, activate, s.activateJudgement)
	huma.Register(api, op("practice-cases", http.MethodGet, "/practice/cases", "practice", "Masked talks to answer again, newest first"), s.listCases)
	huma.Register(api, op("add-practice-case", http.MethodPost, "/practice/cases", "practice", "Make a case of a conversation; nothing of the customer stays in it", 404, 422), s.addCase)
	retire := op("retire-practice-case", http.MethodPut, "/practice/cases/{id}/retired", "practice", "Take a case away, or bring it back", 404)
	retire.DefaultStatus = http.StatusNoContent
	huma.Register(api, retire, s.retireCase)
	huma.Register(api, op("practise", http.MethodPost, "/practice/runs", "practice", "Begin a case", 404, 422), s.practise)
	huma.Register(api, op("practice-run", http.MethodGet, "/practice/runs/{id}", "practice", "One's own going through a case", 404), s.getPractice)
	huma.Register(api, op("practice-answer", http.MethodPost, "/practice/runs/{id}/answers", "practice", "Answer what the customer said; the last answer ends the run with its score", 404, 409, 422), s.answerPractice)
	huma.Register(api, op("practice-results", http.MethodGet, "/practice/results", "practice", "How people do in practice: oneself, for a supervisor everybody"), s.practiceResults)
}

type suggestionsInput struct {
	State string `query:"state" enum:"open,approved,dismissed" default:"open"`
	Lang  string `query:"lang" enum:"zh,en"`
}

func (s *Server) listSuggestions(ctx context.Context, in *suggestionsInput) (*bodyOf[SuggestionList], error) {
	all, err := assist.NewStore(s.db).Clusters(ctx, in.State, in.Lang, maxSuggestions)
	return &bodyOf[SuggestionList]{SuggestionList{some(all)}}, s.problem(ctx, err)
}

type approveInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Article  int64    `json:"article,omitempty" minimum:"0" doc:"that gets the questions as phrasings; absent: a new one is written"`
		Texts    []string `json:"texts,omitempty" maxItems:"20" doc:"phrasings; the samples when absent"`
		Title    string   `json:"title,omitempty" maxLength:"200"`
		Answer   string   `json:"answer,omitempty" maxLength:"20000" doc:"Markdown; of a new article"`
		Category string   `json:"category,omitempty" maxLength:"500"`
		Publish  bool     `json:"publish,omitempty" doc:"bring it to life at once, unless somebody else has to"`
	}
}

func (s *Server) approveSuggestion(ctx context.Context, in *approveInput) (*bodyOf[ApprovedSuggestion], error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	by := callerOf(ctx).User.Username
	train := func(tx pgx.Tx, r kb.Record) error { // learnt anew from what was approved
		if s.parts.Jobs == nil {
			return nil
		}
		return s.parts.Jobs.Insert(ctx, tx, kb.TrainArgs{Lang: r.Lang, By: by})
	}
	r, err := a.Approve(ctx, kbActor(ctx), in.ID, assist.Approval{Article: b.Article, Texts: b.Texts, Title: b.Title, Answer: b.Answer, Category: b.Category, Publish: b.Publish},
		s.parts.KB.Config().FourEyes, s.kbAlso(ctx, actSuggestionApproved, map[string]any{"suggestion": in.ID}), train)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	s.kbSeen(ctx)
	out := &bodyOf[ApprovedSuggestion]{ApprovedSuggestion{Record: r.Record}}
	if r.Unpublished != nil {
		out.Body.Unpublished = s.kbProblem(ctx, r.Unpublished).Error()
	}
	return out, nil
}

type suggestionPath struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) dismissCluster(ctx context.Context, in *suggestionPath) (*struct{}, error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	if err := a.Dismiss(ctx, in.ID, who.User.Username); err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return nil, s.problem(ctx, s.audit.write(ctx, who.entry(actSuggestionDismissed, "suggestion:"+strconv.FormatInt(in.ID, 10))))
}

type unansweredInput struct {
	Lang    string `query:"lang" enum:"zh,en"`
	Cluster int64  `query:"cluster" minimum:"0" maximum:"2147483647" doc:"only those of a suggestion"`
	Before  int64  `query:"before" minimum:"0" doc:"next of the page before"`
}

func (s *Server) listUnanswered(ctx context.Context, in *unansweredInput) (*bodyOf[UnansweredPage], error) {
	all, err := assist.NewStore(s.db).Questions(ctx, in.Lang, in.Cluster, in.Before, maxUnanswered)
	out := UnansweredPage{Items: some(all)}
	if len(all) == maxUnanswered {
		out.Next = all[len(all)-1].ID
	}
	return &bodyOf[UnansweredPage]{out}, s.problem(ctx, err)
}

func (s *Server) kbHealth(ctx context.Context, _ *struct{}) (*bodyOf[assist.Health], error) {
	h, err := assist.NewStore(s.db).Health(ctx)
	return &bodyOf[assist.Health]{h}, s.problem(ctx, err)
}

func (s *Server) learnNow(ctx context.Context, _ *struct{}) (*struct{}, error) {
	if _, err := s.assisting(); err != nil {
		return nil, err
	}
	if s.parts.Jobs == nil {
		return nil, huma.Error503ServiceUnavailable("this server does no work in the background")
	}
	who := callerOf(ctx)
	return nil, s.problem(ctx, s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Jobs.Insert(ctx, tx, assist.LearnArgs{By: who.User.Username}); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actKbLearnt, "kb"))
	}))
}

type activateInput struct {
	Name string `path:"name" enum:"zh,en" doc:"language"`
	Body struct {
		ID int64 `json:"id" minimum:"1" doc:"of the judgement"`
	}
}

func (s *Server) activateJudgement(ctx context.Context, in *activateInput) (*struct{}, error) {
	articles, err := s.kb()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := articles.Activate(ctx, tx, in.Name, in.Body.ID); err != nil {
			return err
		}
		e := who.entry(actJudgementActivated, "kb:"+in.Name)
		e.Detail = map[string]any{"judgement": in.Body.ID}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.kbProblem(ctx, err)
	}
	s.kbSeen(ctx)
	return nil, nil
}

func (s *Server) listCases(ctx context.Context, _ *struct{}) (*bodyOf[CaseList], error) {
	all, err := assist.NewStore(s.db).Cases(ctx, userID(ctx), callerOf(ctx).User.Role.may(RoleEditor))
	return &bodyOf[CaseList]{CaseList{some(all)}}, s.problem(ctx, err)
}

type addCaseInput struct {
	Body struct {
		Conversation int64  `json:"conversation" minimum:"1"`
		Title        string `json:"title,omitempty" maxLength:"100"`
		Script       string `json:"script,omitempty" maxLength:"64"`
	}
}

func (s *Server) addCase(ctx context.Context, in *addCaseInput) (*bodyOf[assist.Case], error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	id := strconv.FormatInt(in.Body.Conversation, 10)
	c, err := a.AddCase(ctx, assist.Subject{Kind: assist.OfConversation, ID: id}, in.Body.Title, in.Body.Script, who.User.Username)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	if err := s.audit.write(ctx, who.entry(actPracticeCaseAdded, "conversation:"+id)); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[assist.Case]{c}, nil
}

type retireCaseInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Retired bool `json:"retired"`
	}
}

func (s *Server) retireCase(ctx context.Context, in *retireCaseInput) (*struct{}, error) {
	return nil, s.assistChange(ctx, actPracticeCaseChanged, "practice:"+strconv.FormatInt(in.ID, 10), func(st *assist.Store, tx pgx.Tx, _ *caller) error {
		return st.RetireCase(ctx, tx, in.ID, in.Body.Retired)
	})
}

type practiseInput struct {
	Body struct {
		Case int64 `json:"case" minimum:"1"`
	}
}

func (s *Server) practise(ctx context.Context, in *practiseInput) (*bodyOf[assist.PracticeRun], error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	r, err := a.Practise(ctx, in.Body.Case, userID(ctx))
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.PracticeRun]{r}, nil
}

// PracticePath names a run in a path.
type PracticePath struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) getPractice(ctx context.Context, in *PracticePath) (*bodyOf[assist.PracticeRun], error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	r, err := a.PracticeOf(ctx, in.ID, userID(ctx))
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.PracticeRun]{r}, nil
}

type practiceAnswerInput struct {
	PracticePath
	Body struct {
		Turn int    `json:"turn" minimum:"0" maximum:"100" doc:"how many answers there were"`
		Text string `json:"text" minLength:"1" maxLength:"2000"`
	}
}

func (s *Server) answerPractice(ctx context.Context, in *practiceAnswerInput) (*bodyOf[assist.PracticeRun], error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	r, err := a.AnswerPractice(ctx, in.ID, userID(ctx), in.Body.Turn, in.Body.Text)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.PracticeRun]{r}, nil
}

func (s *Server) practiceResults(ctx context.Context, in *DaysInput) (*bodyOf[PracticeResults], error) {
	user := userID(ctx)
	if callerOf(ctx).User.Role.may(RoleSupervisor) {
		user = 0
	}
	all, err := assist.NewStore(s.db).Results(ctx, user, s.now().AddDate(0, 0, -in.Days))
	return &bodyOf[PracticeResults]{PracticeResults{some(all)}}, s.problem(ctx, err)
}
