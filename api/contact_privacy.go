package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
)

func (s *Server) privacyRoutes(api huma.API) {
	const tag = "privacy"
	huma.Register(api, operation("consents", http.MethodGet, "/contacts/{id}/consents", tag, "What a person allowed and refused", 404), s.listConsents)
	huma.Register(api, operation("say-consent", http.MethodPost, "/contacts/{id}/consents", tag, "Write down what a person said about a purpose; the last word counts", 404, 422), s.sayConsent)
	huma.Register(api, operation("notices", http.MethodGet, "/consent-notices", tag, "What people are told before they consent, all versions"), s.listNotices)
	huma.Register(api, operation("add-notice", http.MethodPost, "/consent-notices", tag, "Keep a new version; a version is never changed", 409, 422), s.addNotice)
	export := operation("export-contact", http.MethodGet, "/contacts/{id}/export", tag, "All data of one person as a zip archive: JSON, a list of the media, and the media", 404)
	export.Responses = map[string]*huma.Response{"200": {Description: "The archive", Content: map[string]*huma.MediaType{"application/zip": {}}}}
	huma.Register(api, export, s.exportContact)
	erase := operation("erase-contact", http.MethodPost, "/contacts/{id}/erase", tag, "Erase a person everywhere, with proof. Cannot be taken back. A legal hold stops it", 404, 409)
	erase.DefaultStatus = http.StatusAccepted
	huma.Register(api, erase, s.eraseContact)
	huma.Register(api, operation("erasures", http.MethodGet, "/erasures", tag, "Erasings and their proofs, newest first, at most 200"), s.listErasures)

	imported := operation("import-contacts", http.MethodPost, "/contact-imports", tag, "Add or change people from a list (CSV, UTF-8 or GB18030, at most 4 MB and 10000 rows)", 422)
	imported.MaxBodyBytes, imported.BodyReadTimeout = contact.MaxImportBytes+1, longRequest
	huma.Register(api, imported, s.importContacts)
	huma.Register(api, operation("contact-exports", http.MethodGet, "/contact-exports", tag, "Lists that were asked for, newest first, at most 100"), s.listExports)
	huma.Register(api, operation("request-export", http.MethodPost, "/contact-exports", tag, "Ask for a list of people as CSV. A long one needs a second person, an unmasked one an administrator", 403, 422), s.requestExport)
	huma.Register(api, operation("decide-export", http.MethodPost, "/contact-exports/{list}/decide", tag, "The second person's yes or no", 403, 404, 409), s.decideExport)
	file := operation("export-file", http.MethodGet, "/contact-exports/{list}/file", tag, "The list itself, for who asked for it", 404, 409)
	file.Responses = map[string]*huma.Response{"200": {Description: "The list", Content: map[string]*huma.MediaType{"text/csv": {}}}}
	huma.Register(api, file, s.exportFile)
}

// longRequest is how long an import or a download may take.
const longRequest = 10 * time.Minute

// addErasing gives the jobs who erases.
func (s *Server) addErasing(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &contact.EraseWorker{Store: s.contacts, Log: s.log, Done: func(ctx context.Context, tx pgx.Tx, j contact.EraseJob) error {
		counts := map[string]any{}
		for table, n := range j.Counts {
			counts[table] = n
		}
		return s.audit.add(ctx, tx, entry{Actor: systemActor, Action: actContactErased, Subject: contactSubject(j.Contact),
			Detail: map[string]any{"job": j.ID, "rows": counts, "files": j.Files, "proof": j.ProofHash}})
	}})
}

func (s *Server) listConsents(ctx context.Context, in *ContactPath) (*bodyOf[ConsentLedger], error) {
	if _, err := s.contacts.Follow(ctx, in.ID); err != nil {
		return nil, s.problem(ctx, err)
	}
	states, err := s.contacts.States(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	lines, err := s.contacts.Ledger(ctx, in.ID, 500)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ConsentLedger]{ConsentLedger{consentViews(states), consentViews(lines)}}, nil
}

type sayInput struct {
	ContactPath
	Body struct {
		Purpose contact.Purpose `json:"purpose" enum:"service,analytics,proactive,marketing,recording,voice_emotion"`
		State   string          `json:"state" enum:"given,refused,withdrawn"`
		Channel string          `json:"channel" minLength:"1" maxLength:"40" doc:"on which it was said: call, chat, web, paper, ..."`
		Notice  string          `json:"notice,omitempty" maxLength:"40" doc:"version of what the person was told"`
		Proof   string          `json:"proof,omitempty" maxLength:"500" doc:"where it can be looked up: a message's id, a form's number; never what was said"`
	}
}

func (s *Server) sayConsent(ctx context.Context, in *sayInput) (*bodyOf[ConsentView], error) {
	var out ConsentView
	err := s.act(ctx, actConsentSaid, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		l, err := s.contacts.Say(ctx, tx, in.ID, contact.Line{Purpose: in.Body.Purpose, State: in.Body.State, Channel: in.Body.Channel, Notice: in.Body.Notice, Proof: in.Body.Proof,
			Source: "user:" + who.User.Username, At: s.now()})
		if err != nil {
			return err
		}
		out = consentView(&l)
		e.Detail = map[string]any{"line": l.ID, "purpose": l.Purpose, "state": l.State}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[ConsentView]{out}, nil
}

func noticeView(n *contact.Notice) NoticeView {
	return NoticeView{n.Version, n.Language, n.Handler, n.Purposes, n.Kinds, n.Retention, n.Rights, n.By, pg.OrNull(n.At)}
}

func (s *Server) listNotices(ctx context.Context, _ *struct{}) (*bodyOf[NoticeList], error) {
	all, err := s.contacts.Notices(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := NoticeList{Items: make([]NoticeView, len(all))}
	for i := range all {
		out.Items[i] = noticeView(&all[i])
	}
	return &bodyOf[NoticeList]{out}, nil
}

func (s *Server) addNotice(ctx context.Context, in *struct{ Body NoticeView }) (*bodyOf[NoticeView], error) {
	b := &in.Body
	var out NoticeView
	err := s.act(ctx, actConsentNoticeAdded, 0, func(tx pgx.Tx, who *caller, e *entry) error {
		e.Subject = "consent_notice:" + b.Version + "/" + b.Language
		n, err := s.contacts.AddNotice(ctx, tx, contact.Notice{Version: b.Version, Language: b.Language, Handler: b.Handler, Purposes: b.Purposes, Kinds: b.Kinds, Retention: b.Retention, Rights: b.Rights, By: who.User.Username})
		out = noticeView(&n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[NoticeView]{out}, nil
}

type exportInput struct {
	ContactPath
	Media bool `query:"media" default:"true" doc:"the recordings too, not only their list"`
}

func (s *Server) exportContact(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	// No row, no data.
	if err := s.act(ctx, actContactExported, in.ID, func(tx pgx.Tx, _ *caller, e *entry) error {
		e.Detail["media"] = in.Media
		_, err := s.contacts.Person(ctx, in.ID)
		return err
	}); err != nil {
		return nil, err
	}
	return download("contact-"+in.ID.String()+".zip", "application/zip", func(ctx context.Context, w http.ResponseWriter) error {
		return s.contacts.Export(ctx, in.ID, in.Media, w)
	}, s), nil
}

// download streams a file. When it fails in between the connection is cut, so that nobody takes the part for the whole.
func download(name, kind string, write func(context.Context, http.ResponseWriter) error, s *Server) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		c := humagin.Unwrap(hc)
		_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(longRequest)) // not every test's writer can
		c.Header("Content-Type", kind)
		c.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
		c.Header("Cache-Control", "private, no-store")
		c.Status(http.StatusOK)
		if err := write(hc.Context(), c.Writer); err != nil {
			s.log.Error("download cut", "file", name, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}
}

type eraseInput struct {
	ContactPath
	Body struct {
		Reason string `json:"reason" enum:"request,law,mistake" doc:"the person asked, the law asks, or the data should never have been there"`
	}
}

func (s *Server) eraseContact(ctx context.Context, in *eraseInput) (*bodyOf[ErasureView], error) {
	if s.parts.Jobs == nil {
		return nil, huma.Error503ServiceUnavailable("this server does no jobs")
	}
	var out ErasureView
	err := s.act(ctx, actContactEraseRequested, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		j, err := s.contacts.RequestErase(ctx, tx, in.ID, who.User.Username, in.Body.Reason)
		if err != nil {
			return err
		}
		out, e.Detail["job"], e.Detail["reason"] = erasureView(&j), j.ID, in.Body.Reason
		return s.parts.Jobs.Insert(ctx, tx, contact.EraseArgs{Job: j.ID})
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[ErasureView]{out}, nil
}

func (s *Server) listErasures(ctx context.Context, _ *struct{}) (*bodyOf[ErasureList], error) {
	all, err := s.contacts.EraseJobs(ctx, 0, 200)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ErasureList]{ErasureList{erasureViews(all)}}, nil
}

// ImportReport is the body of POST /contact-imports.
type ImportReport struct {
	Rows    int           `json:"rows"`
	Created int           `json:"created"`
	Updated int           `json:"updated"`
	Same    int           `json:"same" doc:"known and without anything new"`
	Failed  int           `json:"failed"`
	Errors  []ImportError `json:"errors" doc:"the first 200"`
	Ignored []string      `json:"ignored" doc:"columns without a meaning here"`
}

// ImportError is what is wrong with one row.
type ImportError struct {
	Row     int    `json:"row" doc:"1 is the header"`
	Column  string `json:"column"`
	Message string `json:"message"`
}

type importInput struct {
	DryRun  bool   `query:"dry_run" doc:"say what would be done, and do nothing"`
	RawBody []byte `contentType:"text/csv"`
}

func (s *Server) importContacts(ctx context.Context, in *importInput) (*bodyOf[ImportReport], error) {
	who := callerOf(ctx)
	got, err := s.contacts.Import(ctx, bytes.NewReader(in.RawBody), in.DryRun, "user:"+who.User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if !in.DryRun {
		e := who.entry(actContactImported, "contacts")
		e.Detail = map[string]any{"rows": got.Rows, "created": got.Created, "updated": got.Updated, "failed": got.Failed}
		if err := s.audit.write(ctx, e); err != nil {
			return nil, s.problem(ctx, err)
		}
	}
	out := ImportReport{Rows: got.Rows, Created: got.Created, Updated: got.Updated, Same: got.Same, Failed: got.Failed, Errors: make([]ImportError, len(got.Errors)), Ignored: got.Ignored}
	for i, e := range got.Errors {
		out.Errors[i] = ImportError(e)
	}
	return &bodyOf[ImportReport]{out}, nil
}

func (s *Server) listExports(ctx context.Context, _ *struct{}) (*bodyOf[ListList], error) {
	all, err := s.contacts.Lists(ctx, 100)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := ListList{Approval: s.contacts.Approval(), Items: make([]ListView, len(all))}
	for i := range all {
		out.Items[i] = listView(&all[i])
	}
	return &bodyOf[ListList]{out}, nil
}

type requestExportInput struct {
	Body struct {
		Filter   ContactFilter `json:"filter"`
		Unmasked bool          `json:"unmasked,omitempty" doc:"numbers, addresses and private fields whole; needs an administrator"`
	}
}

func (s *Server) requestExport(ctx context.Context, in *requestExportInput) (*bodyOf[ListView], error) {
	if in.Body.Unmasked && !callerOf(ctx).User.Role.may(RoleAdmin) {
		return nil, huma.Error403Forbidden("only an administrator may take out a list that is not masked")
	}
	return s.actList(ctx, actContactListRequested, func(tx pgx.Tx, who *caller) (contact.ListExport, error) {
		return s.contacts.RequestList(ctx, tx, in.Body.Filter.filter(), in.Body.Unmasked, who.User.Username)
	})
}

// actList is act for a list.
func (s *Server) actList(ctx context.Context, action act, f func(tx pgx.Tx, who *caller) (contact.ListExport, error)) (*bodyOf[ListView], error) {
	var out ListView
	err := s.act(ctx, action, 0, func(tx pgx.Tx, who *caller, e *entry) error {
		l, err := f(tx, who)
		if err != nil {
			return err
		}
		out = listView(&l)
		e.Subject, e.Detail = fmt.Sprintf("contact_list:%d", l.ID), map[string]any{"rows": l.Rows, "unmasked": l.Unmasked, "state": l.State}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[ListView]{out}, nil
}

// ListPath names a list in a path.
type ListPath struct {
	List int64 `path:"list" minimum:"1"`
}

type decideInput struct {
	ListPath
	Body struct {
		Approve bool `json:"approve"`
	}
}

func (s *Server) decideExport(ctx context.Context, in *decideInput) (*bodyOf[ListView], error) {
	return s.actList(ctx, actContactListDecided, func(tx pgx.Tx, who *caller) (contact.ListExport, error) {
		return s.contacts.DecideList(ctx, tx, in.List, in.Body.Approve, who.User.Username)
	})
}

func (s *Server) exportFile(ctx context.Context, in *ListPath) (*huma.StreamResponse, error) {
	var l contact.ListExport
	_, err := s.actList(ctx, actContactListTaken, func(tx pgx.Tx, who *caller) (_ contact.ListExport, err error) {
		l, err = s.contacts.TakeList(ctx, tx, in.List, who.User.Username)
		return l, err
	})
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("contacts-%d-%s-%s.csv", l.ID, l.RequestedBy, s.now().UTC().Format("20060102-150405"))
	return download(name, "text/csv; charset=utf-8", func(ctx context.Context, w http.ResponseWriter) error {
		return s.contacts.WriteList(ctx, &l, w)
	}, s), nil
}
