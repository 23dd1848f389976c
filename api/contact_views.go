package api

import (
	"context"
	"slices"
	"time"

	"tingxin/call"
	"tingxin/contact"
	"tingxin/pg"
	"tingxin/team"
)

// ContactRow is a contact as lists show it.
type ContactRow struct {
	ID         contact.ID     `json:"id"`
	Name       string         `json:"name"`
	Language   string         `json:"language"`
	VIP        bool           `json:"vip"`
	Tags       []string       `json:"tags"`
	Identities []IdentityView `json:"identities" doc:"at most four in lists, the verified first"`
	Suggested  bool           `json:"suggested" doc:"may be the same person as somebody else"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
}

// IdentityView is one address of a contact, masked.
type IdentityView struct {
	ID        int64        `json:"id"`
	Kind      contact.Kind `json:"kind" enum:"phone,email,login,device,wechat,wecom,weibo,qq,custom"`
	Account   string       `json:"account,omitempty" doc:"whose name space the value is in"`
	Value     string       `json:"value" doc:"masked, but for who asked to see it"`
	Verified  bool         `json:"verified"`
	Carried   bool         `json:"carried" doc:"the channel itself brought it"`
	Source    string       `json:"source"`
	Of        contact.ID   `json:"of" doc:"the contact that it was given to, before merges"`
	CreatedAt time.Time    `json:"created_at"`
}

// ContactPage is the body of GET /contacts.
type ContactPage struct {
	Items []ContactRow `json:"items"`
	Next  string       `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Total *int         `json:"total,omitempty" doc:"matches in all, at most 50001; on the first page only"`
}

// ContactView is the body of GET /contacts/{id}.
type ContactView struct {
	ContactRow
	Asked       contact.ID       `json:"asked" doc:"the id asked for; another than id when it was merged"`
	Family      []contact.ID     `json:"family" doc:"id and those merged into it"`
	Fields      map[string]any   `json:"fields" doc:"the house's own fields by key; private ones are ****"`
	LegalHold   string           `json:"legal_hold" doc:"why nothing may be erased; empty when it may"`
	ErasedAt    *time.Time       `json:"erased_at,omitempty"`
	Suggestions []SuggestionView `json:"suggestions"`
	Merges      []MergeView      `json:"merges"`
	Consents    []ConsentView    `json:"consents" doc:"the last word on each purpose"`
	Erasures    []ErasureView    `json:"erasures"`
}

// SuggestionView is somebody who may be the same person.
type SuggestionView struct {
	Other    contact.ID     `json:"other"`
	Name     string         `json:"name"`
	Kinds    []contact.Kind `json:"kinds" doc:"of the identities that both have"`
	Verified bool           `json:"verified"`
}

// MergeView is a merge as it was done.
type MergeView struct {
	ID        int64      `json:"id"`
	Survivor  contact.ID `json:"survivor"`
	Merged    contact.ID `json:"merged"`
	Automatic bool       `json:"automatic" doc:"by a verified identity that both had"`
	By        string     `json:"by"`
	At        time.Time  `json:"at"`
	UndoUntil time.Time  `json:"undo_until"`
	UndoneAt  *time.Time `json:"undone_at,omitempty"`
	UndoneBy  string     `json:"undone_by,omitempty"`
}

// ConsentView is one line of the ledger.
type ConsentView struct {
	ID      int64           `json:"id,omitempty"`
	Purpose contact.Purpose `json:"purpose" enum:"service,analytics,proactive,marketing,recording,voice_emotion"`
	State   string          `json:"state" enum:",announced,given,refused,withdrawn" doc:"empty: nothing was said"`
	Allowed bool            `json:"allowed" doc:"the purpose may be served"`
	Notice  string          `json:"notice,omitempty"`
	Channel string          `json:"channel,omitempty"`
	Source  string          `json:"source,omitempty"`
	Proof   string          `json:"proof,omitempty"`
	At      *time.Time      `json:"at,omitempty"`
}

// ErasureView is one erasing and, when done, its proof.
type ErasureView struct {
	ID          int64            `json:"id"`
	Contact     contact.ID       `json:"contact"`
	Scope       []contact.ID     `json:"scope"`
	State       string           `json:"state" enum:"waiting,done,held,failed"`
	RequestedBy string           `json:"requested_by"`
	Reason      string           `json:"reason"`
	RequestedAt time.Time        `json:"requested_at"`
	FinishedAt  *time.Time       `json:"finished_at,omitempty"`
	Counts      map[string]int64 `json:"counts" doc:"rows by table"`
	Files       int              `json:"files"`
	LeftOver    map[string]int64 `json:"left_over" doc:"what the search afterwards still found; empty when done"`
	ProofHash   string           `json:"proof_hash,omitempty"`
	Proven      bool             `json:"proven" doc:"the hash was computed again from the row and is the same"`
	Error       string           `json:"error,omitempty"`
}

// NoticeView is a version of what people are told.
type NoticeView struct {
	Version   string            `json:"version" pattern:"^[a-z0-9][a-z0-9._-]{0,39}$"`
	Language  string            `json:"language" enum:"zh,en"`
	Handler   string            `json:"handler" minLength:"1" maxLength:"500" doc:"who handles the data, and how to reach them"`
	Purposes  []contact.Purpose `json:"purposes" minItems:"1" maxItems:"6"`
	Kinds     string            `json:"kinds" minLength:"1" maxLength:"2000" doc:"of data"`
	Retention string            `json:"retention" minLength:"1" maxLength:"2000"`
	Rights    string            `json:"rights" minLength:"1" maxLength:"2000"`
	By        string            `json:"by,omitempty" readOnly:"true"`
	At        *time.Time        `json:"at,omitempty" readOnly:"true"`
}

// FieldView is the definition of a field of this house's own.
type FieldView struct {
	Key     string            `json:"key" pattern:"^[a-z][a-z0-9_]{0,39}$"`
	LabelZH string            `json:"label_zh" minLength:"1" maxLength:"60"`
	LabelEN string            `json:"label_en" minLength:"1" maxLength:"60"`
	Type    contact.FieldType `json:"type" enum:"text,number,date,boolean,choice,url"`
	Choices []string          `json:"choices,omitempty" maxItems:"100"`
	Private bool              `json:"private,omitempty" doc:"masked for those who may not see it"`
	Order   int               `json:"order,omitempty" minimum:"0" maximum:"1000"`
}

// ContactFilter narrows a list of people; empty fields do not.
type ContactFilter struct {
	Query    string       `json:"query,omitempty" maxLength:"200"`
	Tag      string       `json:"tag,omitempty" maxLength:"60"`
	Language string       `json:"language,omitempty" maxLength:"16"`
	Kind     contact.Kind `json:"kind,omitempty" enum:"phone,email,login,device,wechat,wecom,weibo,qq,custom" doc:"has an identity of it"`
	VIP      bool         `json:"vip,omitempty"`
	Suggest  bool         `json:"suggest,omitempty" doc:"may be the same person as somebody else"`
}

func (f *ContactFilter) filter() contact.Filter {
	return contact.Filter{Query: f.Query, Tag: f.Tag, Language: f.Language, Kind: f.Kind, VIP: f.VIP, Suggest: f.Suggest}
}

// TimelineEntry is one thing that happened with a person.
type TimelineEntry struct {
	Kind string    `json:"kind" doc:"call, conversation, note, consent, merge, ..."`
	ID   string    `json:"id" doc:"of the thing within its kind"`
	At   time.Time `json:"at"`
	Data any       `json:"data" doc:"what its kind shows"`
}

// ListView is a list of people that somebody takes out of the house.
type ListView struct {
	ID          int64         `json:"id"`
	Filter      ContactFilter `json:"filter"`
	Unmasked    bool          `json:"unmasked"`
	Rows        int           `json:"rows"`
	State       string        `json:"state" enum:"waiting,ready,refused" doc:"waiting for a second person"`
	RequestedBy string        `json:"requested_by"`
	RequestedAt time.Time     `json:"requested_at"`
	DecidedBy   string        `json:"decided_by,omitempty"`
	DecidedAt   *time.Time    `json:"decided_at,omitempty"`
	Downloads   int           `json:"downloads"`
	ExpiresAt   time.Time     `json:"expires_at"`
}

// Bodies of lists.
type (
	// TimelinePage is the body of GET /contacts/{id}/timeline.
	TimelinePage struct {
		Items []TimelineEntry `json:"items"`
		Next  string          `json:"next,omitempty"`
	}
	// ConsentLedger is the body of GET /contacts/{id}/consents.
	ConsentLedger struct {
		States []ConsentView `json:"states" doc:"the last word on each purpose"`
		Lines  []ConsentView `json:"lines" doc:"everything that was said, newest first, at most 500"`
	}
	// IdentityList is the body of POST /contacts/{id}/reveal.
	IdentityList struct {
		Items  []IdentityView `json:"items"`
		Fields map[string]any `json:"fields"`
	}
	// FieldList is the body of GET /contact-fields.
	FieldList struct {
		Items []FieldView `json:"items"`
	}
	// NoticeList is the body of GET /consent-notices.
	NoticeList struct {
		Items []NoticeView `json:"items"`
	}
	// ListList is the body of GET /contact-exports.
	ListList struct {
		Approval int        `json:"approval" doc:"rows from which a second person is needed"`
		Items    []ListView `json:"items"`
	}
	// ErasureList is the body of GET /erasures.
	ErasureList struct {
		Items []ErasureView `json:"items"`
	}
)

func contactRow(c *contact.Contact, identities []contact.Identity, whole bool) ContactRow {
	return ContactRow{ID: c.ID, Name: c.Name, Language: c.Language, VIP: c.VIP, Tags: c.Tags, Identities: identityViews(identities, whole), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
}

func identityViews(all []contact.Identity, whole bool) []IdentityView {
	out := make([]IdentityView, len(all))
	for i := range all {
		it := &all[i]
		out[i] = IdentityView{ID: it.ID, Kind: it.Kind, Account: it.Account, Value: it.Value, Verified: it.Verified, Carried: it.Carried, Source: it.Source, Of: it.Contact, CreatedAt: it.CreatedAt}
		if !whole {
			out[i].Value = contact.Mask(it.Kind, it.Value)
		}
	}
	return out
}

// seesNumbers tells whether the caller sees numbers of people whole in calls, so on the card of a person too.
func seesNumbers(ctx context.Context) bool {
	return !slices.Contains(callerOf(ctx).hidden, team.Phone)
}

// wholePhones unmasks the numbers among views of addresses.
func wholePhones(views []IdentityView, all []contact.Identity) {
	for i := range all {
		if all[i].Kind == contact.KindPhone {
			views[i].Value = all[i].Value
		}
	}
}

// maskedField stands for a private value.
const maskedField = "****"

func fieldValues(have map[string]any, defined []contact.Field, whole bool) map[string]any {
	out := map[string]any{}
	for i := range defined {
		f := &defined[i]
		if v, ok := have[f.Key]; ok {
			out[f.Key] = v
			if f.Private && !whole {
				out[f.Key] = maskedField
			}
		}
	}
	return out
}

func mergeView(m *contact.MergeRow) MergeView {
	return MergeView{m.ID, m.Survivor, m.Merged, m.Automatic, m.By, m.At, m.UndoUntil, pg.OrNull(m.UndoneAt), m.UndoneBy}
}

func consentView(l *contact.Line) ConsentView {
	return ConsentView{ID: l.ID, Purpose: l.Purpose, State: l.State, Allowed: l.Allowed(), Notice: l.Notice, Channel: l.Channel, Source: l.Source, Proof: l.Proof, At: pg.OrNull(l.At)}
}

func consentViews(all []contact.Line) []ConsentView {
	out := make([]ConsentView, len(all))
	for i := range all {
		out[i] = consentView(&all[i])
	}
	return out
}

func erasureView(j *contact.EraseJob) ErasureView {
	v := ErasureView{ID: j.ID, Contact: j.Contact, Scope: j.Scope, State: j.State, RequestedBy: j.RequestedBy, Reason: j.Reason, RequestedAt: j.RequestedAt, FinishedAt: pg.OrNull(j.FinishedAt),
		Counts: j.Counts, Files: j.Files, LeftOver: j.LeftOver, ProofHash: j.ProofHash, Proven: j.ProofHash != "" && j.Proof() == j.ProofHash, Error: j.Error}
	if v.Scope == nil {
		v.Scope = []contact.ID{}
	}
	if v.Counts == nil {
		v.Counts = map[string]int64{}
	}
	if v.LeftOver == nil {
		v.LeftOver = map[string]int64{}
	}
	return v
}

func erasureViews(all []contact.EraseJob) []ErasureView {
	out := make([]ErasureView, len(all))
	for i := range all {
		out[i] = erasureView(&all[i])
	}
	return out
}

func listView(l *contact.ListExport) ListView {
	f := l.Filter
	return ListView{l.ID, ContactFilter{f.Query, f.Tag, f.Language, f.Kind, f.VIP, f.Suggest}, l.Unmasked, l.Rows, l.State, l.RequestedBy, l.RequestedAt, l.DecidedBy, pg.OrNull(l.DecidedAt), l.Downloads, l.ExpiresAt}
}

// maskEntry masks the number of the person in a call of the timeline.
func maskEntry(e *contact.Entry) {
	c, ok := e.Data.(call.Summary)
	if !ok {
		return
	}
	if c.Direction == call.DirectionOut {
		c.To = contact.MaskPhone(c.To)
	} else {
		c.From = contact.MaskPhone(c.From)
	}
	e.Data = c
}
