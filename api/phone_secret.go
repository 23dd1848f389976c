package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// PhoneDigests are the HA1 digests of a user's password for one realm (RFC 7616
// 3.4.2), hex. Whoever has them can register as that user, so they leave the
// database for signalling only.
type PhoneDigests struct{ Realm, MD5, SHA256 string }

// PhoneSecret is the body of GET and PUT /session/phone/secret.
type PhoneSecret struct {
	Set      bool       `json:"set" doc:"a desk phone may register as this user"`
	User     string     `json:"user" doc:"user name for the phone"`
	Domain   string     `json:"domain" doc:"registrar and realm for the phone"`
	Password string     `json:"password,omitempty" doc:"the new password, in the answer that set it and never again"`
	SetAt    *time.Time `json:"set_at,omitempty"`
}

// phoneSecrets is the table of them.
type phoneSecrets struct{ db *pg.DB }

// all are the digests by user name.
func (t phoneSecrets) all(ctx context.Context) (map[string]PhoneDigests, error) {
	type row struct {
		name string
		PhoneDigests
	}
	rows, err := pg.Rows(ctx, t.db, func(r pgx.CollectableRow) (row, error) {
		var v row
		return v, r.Scan(&v.name, &v.Realm, &v.MD5, &v.SHA256)
	}, `select u.username, s.realm, s.md5, s.sha256 from phone_secrets s join users u on u.id = s.user_id`)
	if err != nil {
		return nil, err
	}
	out := make(map[string]PhoneDigests, len(rows))
	for _, v := range rows {
		out[v.name] = v.PhoneDigests
	}
	return out, nil
}

// setAt is when a user's secret for a realm was set; ErrNotFound without one.
func (t phoneSecrets) setAt(ctx context.Context, id, realm string) (time.Time, error) {
	return pg.Row(ctx, t.db, pgx.RowTo[time.Time], `select updated_at from phone_secrets where user_id = $1::bigint and realm = $2`, id, realm)
}

func (t phoneSecrets) put(ctx context.Context, tx pgx.Tx, id string, d PhoneDigests) error {
	_, err := tx.Exec(ctx, `insert into phone_secrets (user_id, realm, md5, sha256) values ($1::bigint, $2, $3, $4)
		on conflict (user_id) do update set realm = $2, md5 = $3, sha256 = $4, updated_at = now()`, id, d.Realm, d.MD5, d.SHA256)
	return err
}

func (t phoneSecrets) remove(ctx context.Context, tx pgx.Tx, id string) (bool, error) {
	tag, err := tx.Exec(ctx, `delete from phone_secrets where user_id = $1::bigint`, id)
	return tag.RowsAffected() > 0, err
}

// Digests are those by which a user's desk phone registers. It answers from memory.
func (p *People) Digests(username string) (PhoneDigests, bool) {
	d, ok := (*p.digests.Load())[username]
	return d, ok
}

// AnyDigests tells whether anybody has some.
func (p *People) AnyDigests() bool { return len(*p.digests.Load()) > 0 }

func (s *Server) phoneSecretRoutes(api huma.API) {
	huma.Register(api, operation("phone-secret", http.MethodGet, "/session/phone/secret", "session", "Whether a desk phone may register as oneself, and how it is set up", 404), s.getPhoneSecret)
	huma.Register(api, operation("set-phone-secret", http.MethodPut, "/session/phone/secret", "session", "Set the password of one's desk phone; without one it is made up and shown once", 404, 422), s.putPhoneSecret)
	huma.Register(api, operation("drop-phone-secret", http.MethodDelete, "/session/phone/secret", "session", "Let no desk phone register as oneself any more", 404), s.deletePhoneSecret)
}

func (s *Server) getPhoneSecret(ctx context.Context, _ *struct{}) (*bodyOf[PhoneSecret], error) {
	if s.parts.Phones == nil {
		return nil, huma.Error404NotFound("this server has no telephones")
	}
	who := callerOf(ctx)
	out := PhoneSecret{User: who.User.Username, Domain: s.parts.Phones.Realm()}
	at, err := s.phoneSecrets.setAt(ctx, who.User.ID, out.Domain)
	switch {
	case err == nil:
		at = at.UTC()
		out.Set, out.SetAt = true, &at
	case !errors.Is(err, pg.ErrNotFound):
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[PhoneSecret]{out}, nil
}

type newPhoneSecret struct {
	Body struct {
		Password string `json:"password,omitempty" maxLength:"128" pattern:"^[!-~]*$" doc:"12 characters at least, no spaces; made up when empty"`
	}
}

// minPhoneSecret is longer than for logins: the digests of a phone are quick to try out.
const minPhoneSecret = 12

func (s *Server) putPhoneSecret(ctx context.Context, in *newPhoneSecret) (*bodyOf[PhoneSecret], error) {
	if s.parts.Phones == nil {
		return nil, huma.Error404NotFound("this server has no telephones")
	}
	who, password := callerOf(ctx), in.Body.Password
	if password == "" {
		password = randomText(18)
	}
	if len(password) < minPhoneSecret {
		return nil, huma.Error422UnprocessableEntity("the password of a phone has at least 12 characters")
	}
	digests := s.parts.Phones.Digests(who.User.Username, password)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.phoneSecrets.put(ctx, tx, who.User.ID, digests); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actPhoneSecret, userSubject(who.User.ID)))
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.people.changed(ctx)
	now := s.now().UTC()
	return &bodyOf[PhoneSecret]{PhoneSecret{Set: true, User: who.User.Username, Domain: digests.Realm, Password: password, SetAt: &now}}, nil
}

func (s *Server) deletePhoneSecret(ctx context.Context, _ *struct{}) (*struct{}, error) {
	who := callerOf(ctx)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		had, err := s.phoneSecrets.remove(ctx, tx, who.User.ID)
		if err != nil || !had {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actPhoneSecretRemoved, userSubject(who.User.ID)))
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.people.changed(ctx)
	return nil, nil
}
