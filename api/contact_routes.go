package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
	"tingxin/team"
)

func contactSubject(id contact.ID) string { return "contact:" + id.String() }

func (s *Server) contactRoutes(api huma.API) {
	const tag = "contacts"
	huma.Register(api, operation("contacts", http.MethodGet, "/contacts", tag, "People, the last changed first", 400), s.listContacts)
	huma.Register(api, operation("add-contact", http.MethodPost, "/contacts", tag, "Add a person", 422), s.addContact)
	huma.Register(api, operation("contact", http.MethodGet, "/contacts/{id}", tag, "One person, by any of the ids that were merged", 404), s.getContact)
	huma.Register(api, operation("change-contact", http.MethodPatch, "/contacts/{id}", tag, "Change a person; a legal hold needs an administrator", 403, 404, 422), s.changeContact)
	huma.Register(api, operation("add-identity", http.MethodPost, "/contacts/{id}/identities", tag,
		"Give a person an identity. A verified one that is somebody else's makes the two one when nothing speaks against it, else it is suggested; needs a supervisor", 403, 404, 422), s.addIdentity)
	huma.Register(api, quiet("remove-identity", http.MethodDelete, "/contacts/{id}/identities/{identity}", tag, "Take an identity away", 404), s.removeIdentity)
	huma.Register(api, operation("reveal-contact", http.MethodPost, "/contacts/{id}/reveal", tag, "Identities and private fields whole; written to the audit log", 404), s.revealContact)
	huma.Register(api, operation("merge-contacts", http.MethodPost, "/contacts/{id}/merge", tag, "Make another contact part of this one; can be taken back for 30 days", 404, 409, 422), s.mergeContacts)
	huma.Register(api, operation("undo-merge", http.MethodPost, "/contact-merges/{merge}/undo", tag, "Take a merge back", 404, 409), s.undoMerge)
	huma.Register(api, quiet("dismiss-suggestion", http.MethodPost, "/contacts/{id}/suggestions/{other}/dismiss", tag, "Say that two contacts are two people", 404), s.dismissSuggestion)
	huma.Register(api, operation("timeline", http.MethodGet, "/contacts/{id}/timeline", tag, "Everything that happened with a person on any channel, newest first", 400, 404), s.timeline)
	huma.Register(api, operation("add-note", http.MethodPost, "/contacts/{id}/notes", tag, "Write a note", 404, 422), s.addNote)
	huma.Register(api, quiet("delete-note", http.MethodDelete, "/contacts/{id}/notes/{note}", tag, "Delete one's own note; a supervisor any", 404), s.deleteNote)
	huma.Register(api, operation("contact-fields", http.MethodGet, "/contact-fields", tag, "The house's own fields"), s.listFields)
	huma.Register(api, quiet("put-contact-field", http.MethodPut, "/contact-fields/{key}", tag, "Add or change a field", 422), s.putField)
	huma.Register(api, quiet("delete-contact-field", http.MethodDelete, "/contact-fields/{key}", tag, "Take a field away with all its values", 404), s.deleteField)
}

// quiet is an operation without an answer.
func quiet(id, method, path, tag, summary string, errs ...int) huma.Operation {
	op := operation(id, method, path, tag, summary, errs...)
	op.DefaultStatus = http.StatusNoContent
	return op
}

// ContactPath names a contact in a path.
type ContactPath struct {
	ID contact.ID `path:"id" minimum:"1"`
}

// act does something to a contact with its row in the audit log, together or not at all.
func (s *Server) act(ctx context.Context, action act, id contact.ID, f func(tx pgx.Tx, who *caller, e *entry) error) error {
	who := callerOf(ctx)
	e := who.entry(action, contactSubject(id))
	e.Detail = map[string]any{}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := f(tx, who, &e); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, e)
	})
	return s.problem(ctx, err)
}

type contactsInput struct {
	Q       string       `query:"q" maxLength:"200" doc:"part of a name, a whole e-mail address, a phone number or its last four digits and more, #id"`
	Tag     string       `query:"tag" maxLength:"60"`
	Lang    string       `query:"language" maxLength:"16"`
	Kind    contact.Kind `query:"kind" enum:"phone,email,login,device,wechat,wecom,weibo,qq,custom" doc:"has an identity of it"`
	VIP     bool         `query:"vip"`
	Suggest bool         `query:"suggested" doc:"may be the same person as somebody else"`
	Cursor  string       `query:"cursor" maxLength:"64" doc:"next of the page before"`
	Limit   int          `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (in *contactsInput) filter() contact.Filter {
	return contact.Filter{Query: in.Q, Tag: in.Tag, Language: in.Lang, Kind: in.Kind, VIP: in.VIP, Suggest: in.Suggest}
}

func (s *Server) listContacts(ctx context.Context, in *contactsInput) (*bodyOf[ContactPage], error) {
	f := in.filter()
	f.Cursor, f.Limit, f.Count = in.Cursor, in.Limit, in.Cursor == ""
	page, err := s.contacts.List(ctx, f)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := ContactPage{Items: make([]ContactRow, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		it := &page.Items[i]
		out.Items[i] = contactRow(&it.Contact, it.Identities, false)
		out.Items[i].Suggested = it.Suggested
	}
	if f.Count {
		out.Total = &page.Total
	}
	return &bodyOf[ContactPage]{out}, nil
}

// ContactChange is what to set of a person; what is absent stays.
type ContactChange struct {
	Name      *string        `json:"name,omitempty" maxLength:"200"`
	Language  *string        `json:"language,omitempty" maxLength:"16" doc:"zh, en, zh-TW"`
	VIP       *bool          `json:"vip,omitempty"`
	Tags      *[]string      `json:"tags,omitempty" maxItems:"50"`
	Fields    map[string]any `json:"fields,omitempty" doc:"by key; null takes a value out"`
	LegalHold *string        `json:"legal_hold,omitempty" maxLength:"200" doc:"why nothing may be erased; empty ends it"`
}

func (c *ContactChange) change() contact.Change {
	return contact.Change{Name: c.Name, Language: c.Language, VIP: c.VIP, Tags: c.Tags, Fields: c.Fields, LegalHold: c.LegalHold}
}

// note says in the audit log what was changed, never to what.
func (c *ContactChange) note(e *entry) {
	var what []string
	for name, set := range map[string]bool{"name": c.Name != nil, "language": c.Language != nil, "vip": c.VIP != nil, "tags": c.Tags != nil, "legal_hold": c.LegalHold != nil} {
		if set {
			what = append(what, name)
		}
	}
	for key := range c.Fields {
		what = append(what, "fields."+key)
	}
	slices.Sort(what)
	e.Detail["changed"] = strings.Join(what, " ")
}

// NewIdentity is an identity to give to a person.
type NewIdentity struct {
	Kind     contact.Kind `json:"kind" enum:"phone,email,login,wechat,wecom,weibo,qq,custom"`
	Account  string       `json:"account,omitempty" maxLength:"100"`
	Value    string       `json:"value" minLength:"1" maxLength:"320"`
	Verified bool         `json:"verified,omitempty" doc:"proven to be this person's; needs a supervisor"`
}

func (n *NewIdentity) key(who *caller) contact.Key {
	return contact.Key{Kind: n.Kind, Account: n.Account, Value: n.Value, Verified: n.Verified, Source: "user:" + who.User.Username}
}

// mayVerify refuses a verified identity to agents.
func mayVerify(who *caller, all ...NewIdentity) error {
	for _, n := range all {
		if n.Verified && !who.User.Role.may(RoleSupervisor) {
			return huma.Error403Forbidden("only a supervisor may say that an identity is verified")
		}
	}
	return nil
}

type addContactInput struct {
	Body struct {
		ContactChange
		Identities []NewIdentity `json:"identities,omitempty" maxItems:"20"`
	}
}

func (s *Server) addContact(ctx context.Context, in *addContactInput) (*bodyOf[ContactView], error) {
	who := callerOf(ctx)
	if in.Body.LegalHold != nil {
		return nil, huma.Error422UnprocessableEntity("a legal hold is put on a person who is there")
	}
	if err := mayVerify(who, in.Body.Identities...); err != nil {
		return nil, err
	}
	var id contact.ID
	err := s.act(ctx, actContactAdded, 0, func(tx pgx.Tx, who *caller, e *entry) (err error) {
		if id, err = s.contacts.Create(ctx, tx, in.Body.change()); err != nil {
			return err
		}
		e.Subject = contactSubject(id)
		if err := s.made(ctx, tx, int64(id)); err != nil {
			return err
		}
		for i := range in.Body.Identities {
			added, err := s.contacts.Add(ctx, tx, id, in.Body.Identities[i].key(who))
			if err != nil {
				return err
			}
			if added.Merge.ID != 0 {
				e.Detail["merge"] = added.Merge.ID
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.contactView(ctx, id)
}

func (s *Server) getContact(ctx context.Context, in *ContactPath) (*bodyOf[ContactView], error) {
	v, err := s.contactView(ctx, in.ID)
	if err == nil {
		err = s.problem(ctx, s.looked(ctx, v.Body.ID))
	}
	return v, err
}

func (s *Server) contactView(ctx context.Context, asked contact.ID) (*bodyOf[ContactView], error) {
	v, err := s.viewContact(ctx, asked)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ContactView]{*v}, nil
}

func (s *Server) viewContact(ctx context.Context, asked contact.ID) (*ContactView, error) {
	family, err := s.contacts.Family(ctx, asked)
	if err != nil {
		return nil, err
	}
	id := family[0]
	c, err := s.contacts.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	identities, err := s.contacts.Identities(ctx, id)
	if err != nil {
		return nil, err
	}
	fields, err := s.contacts.Fields(ctx)
	if err != nil {
		return nil, err
	}
	v := &ContactView{ContactRow: contactRow(&c, identities, false), Asked: asked, Family: family, Fields: fieldValues(c.Fields, fields, false), LegalHold: c.LegalHold,
		ErasedAt: pg.OrNull(c.ErasedAt), Suggestions: []SuggestionView{}, Merges: []MergeView{}}
	if seesNumbers(ctx) { // as the bar of a call shows them
		wholePhones(v.Identities, identities)
	}
	suggestions, err := s.contacts.Suggestions(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, g := range suggestions {
		v.Suggestions = append(v.Suggestions, SuggestionView{g.Other, g.Name, g.Kinds, g.Verified})
	}
	v.Suggested = len(suggestions) > 0
	merges, err := s.contacts.Merges(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range merges {
		v.Merges = append(v.Merges, mergeView(&merges[i]))
	}
	states, err := s.contacts.States(ctx, id)
	if err != nil {
		return nil, err
	}
	v.Consents = consentViews(states)
	jobs, err := s.contacts.EraseJobs(ctx, id, 20)
	if err != nil {
		return nil, err
	}
	v.Erasures = erasureViews(jobs)
	return v, nil
}

type changeContactInput struct {
	ContactPath
	Body ContactChange
}

func (s *Server) changeContact(ctx context.Context, in *changeContactInput) (*bodyOf[ContactView], error) {
	if in.Body.LegalHold != nil && !callerOf(ctx).User.Role.may(RoleAdmin) {
		return nil, huma.Error403Forbidden("only an administrator may set or end a legal hold")
	}
	for key, v := range in.Body.Fields {
		if v == maskedField { // it was read masked and sent back
			delete(in.Body.Fields, key)
		}
	}
	err := s.act(ctx, actContactChanged, in.ID, func(tx pgx.Tx, _ *caller, e *entry) error {
		in.Body.note(e)
		return s.contacts.Update(ctx, tx, in.ID, in.Body.change())
	})
	if err != nil {
		return nil, err
	}
	return s.contactView(ctx, in.ID)
}

type addIdentityInput struct {
	ContactPath
	Body NewIdentity
}

// IdentityAdded is the answer to a new identity.
type IdentityAdded struct {
	Contact   contact.ID `json:"contact" doc:"that stands for the person now"`
	Merge     *MergeView `json:"merge,omitempty" doc:"when two became one by it"`
	Suggested bool       `json:"suggested" doc:"somebody else has the same"`
}

func (s *Server) addIdentity(ctx context.Context, in *addIdentityInput) (*bodyOf[IdentityAdded], error) {
	if err := mayVerify(callerOf(ctx), in.Body); err != nil {
		return nil, err
	}
	var out IdentityAdded
	err := s.act(ctx, actContactIdentityAdded, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		added, err := s.contacts.Add(ctx, tx, in.ID, in.Body.key(who))
		if err != nil {
			return err
		}
		e.Detail["kind"], e.Detail["verified"] = in.Body.Kind, in.Body.Verified
		out.Contact, out.Suggested = added.Contact, added.Suggested
		if added.Merge.ID != 0 {
			m := mergeView(&added.Merge)
			out.Merge, e.Detail["merge"] = &m, m.ID
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[IdentityAdded]{out}, nil
}

type identityPath struct {
	ContactPath
	Identity int64 `path:"identity" minimum:"1"`
}

func (s *Server) removeIdentity(ctx context.Context, in *identityPath) (*struct{}, error) {
	return nil, s.act(ctx, actContactIdentityRemoved, in.ID, func(tx pgx.Tx, _ *caller, e *entry) error {
		e.Detail["identity"] = in.Identity
		return s.contacts.Remove(ctx, tx, in.ID, in.Identity)
	})
}

func (s *Server) revealContact(ctx context.Context, in *ContactPath) (*bodyOf[IdentityList], error) {
	// No row, no number.
	if err := s.act(ctx, actContactRevealed, in.ID, func(tx pgx.Tx, _ *caller, _ *entry) error {
		_, err := s.contacts.Follow(ctx, in.ID)
		return err
	}); err != nil {
		return nil, err
	}
	identities, err := s.contacts.Identities(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	root, err := s.contacts.Follow(ctx, in.ID)
	if err == nil {
		err = s.looked(ctx, root)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	c, err := s.contacts.Get(ctx, root)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	fields, err := s.contacts.Fields(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[IdentityList]{IdentityList{identityViews(identities, true), fieldValues(c.Fields, fields, true)}}, nil
}

type mergeContactsInput struct {
	ContactPath
	Body struct {
		Other contact.ID              `json:"other" minimum:"1" doc:"becomes part of this one"`
		Picks map[string]contact.Pick `json:"picks,omitempty" doc:"by field (name, language, vip, tags, fields.KEY): survivor, merged, or for tags both"`
	}
}

func (s *Server) mergeContacts(ctx context.Context, in *mergeContactsInput) (*bodyOf[MergeView], error) {
	if err := s.sees(ctx, team.Contacts, in.Body.Other); err != nil {
		return nil, err
	}
	var out MergeView
	err := s.act(ctx, actContactMerged, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		m, err := s.contacts.Merge(ctx, tx, in.ID, in.Body.Other, in.Body.Picks, who.User.Username)
		if err != nil {
			return err
		}
		out = mergeView(&m)
		e.Detail["merge"], e.Detail["other"] = m.ID, in.Body.Other
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[MergeView]{out}, nil
}

type undoInput struct {
	Merge int64 `path:"merge" minimum:"1"`
}

func (s *Server) undoMerge(ctx context.Context, in *undoInput) (*bodyOf[MergeView], error) {
	var out MergeView
	err := s.act(ctx, actContactMergeUndone, 0, func(tx pgx.Tx, who *caller, e *entry) error {
		m, err := s.contacts.Undo(ctx, tx, in.Merge, who.User.Username)
		if err != nil {
			return err
		}
		out = mergeView(&m)
		e.Subject, e.Detail["merge"], e.Detail["other"] = contactSubject(m.Survivor), m.ID, m.Merged
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[MergeView]{out}, nil
}

type dismissInput struct {
	ContactPath
	Other contact.ID `path:"other" minimum:"1"`
}

func (s *Server) dismissSuggestion(ctx context.Context, in *dismissInput) (*struct{}, error) {
	return nil, s.act(ctx, actContactSuggestionDismissed, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		e.Detail["other"] = in.Other
		return s.contacts.Dismiss(ctx, tx, in.ID, in.Other, who.User.Username)
	})
}

type timelineInput struct {
	ContactPath
	Kinds  []string `query:"kinds" maxItems:"20" doc:"only these: call, note, consent, merge, ..."`
	Cursor string   `query:"cursor" maxLength:"300"`
	Limit  int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) timeline(ctx context.Context, in *timelineInput) (*bodyOf[TimelinePage], error) {
	items, next, err := s.contacts.Timeline(ctx, in.ID, in.Cursor, in.Limit, in.Kinds)
	if err == nil && in.Cursor == "" {
		var root contact.ID
		if root, err = s.contacts.Follow(ctx, in.ID); err == nil {
			err = s.looked(ctx, root)
		}
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := TimelinePage{Items: make([]TimelineEntry, len(items)), Next: next}
	for i := range items {
		if !seesNumbers(ctx) {
			maskEntry(&items[i])
		}
		out.Items[i] = TimelineEntry(items[i])
	}
	return &bodyOf[TimelinePage]{out}, nil
}

// NoteView is a note as it was written.
type NoteView struct {
	ID   int64  `json:"id"`
	Text string `json:"text"`
	By   string `json:"by"`
}

type addNoteInput struct {
	ContactPath
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
	}
}

func (s *Server) addNote(ctx context.Context, in *addNoteInput) (*bodyOf[NoteView], error) {
	var out NoteView
	err := s.act(ctx, actContactNoteAdded, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		n, err := s.contacts.AddNote(ctx, tx, in.ID, in.Body.Text, who.User.Username)
		out, e.Detail["note"] = NoteView{n.ID, n.Text, n.By}, n.ID
		return err
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[NoteView]{out}, nil
}

type notePath struct {
	ContactPath
	Note int64 `path:"note" minimum:"1"`
}

func (s *Server) deleteNote(ctx context.Context, in *notePath) (*struct{}, error) {
	return nil, s.act(ctx, actContactNoteDeleted, in.ID, func(tx pgx.Tx, who *caller, e *entry) error {
		e.Detail["note"] = in.Note
		by := who.User.Username
		if who.User.Role.may(RoleSupervisor) {
			by = ""
		}
		return s.contacts.DeleteNote(ctx, tx, in.ID, in.Note, by)
	})
}

func (s *Server) listFields(ctx context.Context, _ *struct{}) (*bodyOf[FieldList], error) {
	all, err := s.contacts.Fields(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := FieldList{Items: make([]FieldView, len(all))}
	for i, f := range all {
		out.Items[i] = FieldView(f)
	}
	return &bodyOf[FieldList]{out}, nil
}

// FieldPath names a field in a path.
type FieldPath struct {
	Key string `path:"key" pattern:"^[a-z][a-z0-9_]{0,39}$"`
}

type putFieldInput struct {
	FieldPath
	Body FieldView
}

func (s *Server) putField(ctx context.Context, in *putFieldInput) (*struct{}, error) {
	in.Body.Key = in.Key
	return nil, s.act(ctx, actContactFieldSet, 0, func(tx pgx.Tx, _ *caller, e *entry) error {
		e.Subject = "contact_field:" + in.Key
		return s.contacts.PutField(ctx, tx, contact.Field(in.Body))
	})
}

func (s *Server) deleteField(ctx context.Context, in *FieldPath) (*struct{}, error) {
	return nil, s.act(ctx, actContactFieldDeleted, 0, func(tx pgx.Tx, _ *caller, e *entry) error {
		n, err := s.contacts.DeleteField(ctx, tx, in.Key)
		e.Subject, e.Detail["values"] = "contact_field:"+in.Key, strconv.FormatInt(n, 10)
		return err
	})
}
