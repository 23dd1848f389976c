package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"tingxin/admin"
	"tingxin/pg"
)

const (
	// codePeriod is how long a code of the authenticator is good, seconds; codeSkew is how many periods a clock may be off (RFC 6238 section 5.2).
	codePeriod = 30
	codeSkew   = 1
	// recoveryCodes is how many there are, recoveryBytes how long each is.
	recoveryCodes = 10
	recoveryBytes = 10
	// pictureSize is of the picture that the authenticator reads, pixels.
	pictureSize = 220
)

var codeOptions = totp.ValidateOpts{Period: codePeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

var (
	errNoVault  = huma.Error503ServiceUnavailable("this server has no key file to seal second factors with")
	errCode     = errors.New("the code is wrong or was used already")
	errNoFactor = errors.New("there is no second factor to confirm")
)

// factors are the second factors of users: a secret that an authenticator shares (RFC 6238), and codes on paper.
type factors struct {
	db    *pg.DB
	vault *admin.Vault // nil: none can be made
	now   func() time.Time
}

func factorPlace(user string) string { return "second_factor:" + user }

// begin makes a new secret that counts once it is confirmed. One that counts already stays until then.
func (t factors) begin(ctx context.Context, u User) (*otp.Key, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Tingxin", AccountName: u.Username, Period: codePeriod, Digits: codeOptions.Digits, Algorithm: codeOptions.Algorithm})
	if err != nil {
		return nil, fmt.Errorf("second factor: %w", err)
	}
	n, err := t.db.Exec(ctx, `insert into second_factors (user_id, sealed, created_at) values ($1::bigint, $2, $3)
		on conflict (user_id) do update set sealed = $2, created_at = $3, last_step = 0 where second_factors.confirmed_at is null`, u.ID, t.vault.Seal(factorPlace(u.ID), []byte(key.Secret())), t.now())
	if err == nil && n == 0 {
		err = pg.ErrConflict
	}
	return key, err
}

// check takes a code in tx: six digits of the authenticator, or a recovery code, each good once. It tells
// which it was; errCode when neither, pg.ErrNotFound when there is no factor that counts.
func (t factors) check(ctx context.Context, tx pgx.Tx, user, code string, unconfirmed bool) (recovery bool, err error) {
	var sealed []byte
	var last int64
	var confirmed bool
	err = tx.QueryRow(ctx, `select sealed, last_step, confirmed_at is not null from second_factors where user_id = $1::bigint for update`, user).Scan(&sealed, &last, &confirmed)
	if err != nil {
		return false, pg.Map(err)
	}
	if confirmed == unconfirmed {
		return false, pg.ErrNotFound
	}
	code = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if len(code) != int(codeOptions.Digits) {
		tag, err := tx.Exec(ctx, `update recovery_codes set used_at = $3 where user_id = $1::bigint and hash = $2 and used_at is null`, user, recoveryHash(user, code), t.now())
		if err == nil && tag.RowsAffected() == 0 {
			err = errCode
		}
		return true, err
	}
	if t.vault == nil {
		return false, admin.ErrSealed
	}
	secret, err := t.vault.Open(factorPlace(user), sealed)
	if err != nil {
		return false, err
	}
	step := t.now().Unix() / codePeriod
	for s := max(step-codeSkew, last+1); s <= step+codeSkew; s++ {
		right, err := totp.GenerateCodeCustom(string(secret), time.Unix(s*codePeriod, 0), codeOptions)
		if err != nil {
			return false, fmt.Errorf("second factor: %w", err)
		}
		if sameText(right, code) {
			_, err = tx.Exec(ctx, `update second_factors set last_step = $2, confirmed_at = coalesce(confirmed_at, $3) where user_id = $1::bigint`, user, s, t.now())
			return false, err
		}
	}
	return false, errCode
}

func recoveryHash(user, code string) []byte {
	sum := sha256.Sum256([]byte("recovery\x00" + user + "\x00" + code))
	return sum[:]
}

// paper makes new recovery codes; the old ones no longer count.
func (t factors) paper(ctx context.Context, tx pgx.Tx, user string) ([]string, error) {
	if _, err := tx.Exec(ctx, `delete from recovery_codes where user_id = $1::bigint`, user); err != nil {
		return nil, err
	}
	out := make([]string, recoveryCodes)
	for i := range out {
		plain := fmt.Sprintf("%x", randomBytes(recoveryBytes))
		if _, err := tx.Exec(ctx, `insert into recovery_codes (user_id, hash) values ($1::bigint, $2)`, user, recoveryHash(user, plain)); err != nil {
			return nil, err
		}
		out[i] = plain[:5] + "-" + plain[5:10] + "-" + plain[10:15] + "-" + plain[15:]
	}
	return out, nil
}

// remove takes a user's factor away; ErrNotFound when there is none.
func (t factors) remove(ctx context.Context, tx pgx.Tx, user string) error {
	tag, err := tx.Exec(ctx, `delete from second_factors where user_id = $1::bigint`, user)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	if err == nil {
		_, err = tx.Exec(ctx, `delete from recovery_codes where user_id = $1::bigint`, user)
	}
	return err
}

// FactorState is the body of GET /session/second-factor.
type FactorState struct {
	On          bool       `json:"on"`
	Since       *time.Time `json:"since,omitempty"`
	Recovery    int        `json:"recovery" doc:"recovery codes that are left"`
	Required    bool       `json:"required" doc:"the role needs one"`
	Unavailable bool       `json:"unavailable" doc:"this server can make none"`
}

// FactorSecret is the body of POST /session/second-factor.
type FactorSecret struct {
	Secret  string `json:"secret" doc:"base32, to be typed where no picture can be read"`
	Address string `json:"address" doc:"otpauth URI"`
	Picture string `json:"picture" doc:"the address as a QR code, a data URI of a PNG made by this server"`
}

// RecoveryCodes is the answer that tells new ones, this once.
type RecoveryCodes struct {
	Codes []string `json:"codes"`
}

func init() {
	at := func(method string, paths ...string) {
		for _, p := range paths {
			access[method+" "+base+p] = RoleAgent // everybody's own; see own
		}
	}
	at(http.MethodGet, "/session/second-factor", "/sessions")
	at(http.MethodPost, "/session/second-factor", "/session/second-factor/confirm", "/session/recovery-codes", "/session/lock", "/session/unlock")
	at(http.MethodDelete, "/session/second-factor", "/sessions/:id")
}

func (s *Server) factorRoutes(api huma.API) {
	const tag = "session"
	huma.Register(api, operation("second-factor", http.MethodGet, "/session/second-factor", tag, "One's own second factor"), s.getFactor)
	begin := operation("begin-second-factor", http.MethodPost, "/session/second-factor", tag, "Make a secret for an authenticator; it counts once a code confirms it", 409, 422, 429)
	huma.Register(api, begin, s.beginFactor)
	huma.Register(api, operation("confirm-second-factor", http.MethodPost, "/session/second-factor/confirm", tag, "Prove that the authenticator has the secret; answers recovery codes, this once", 404, 422, 429), s.confirmFactor)
	huma.Register(api, operation("new-recovery-codes", http.MethodPost, "/session/recovery-codes", tag, "New recovery codes for a code; the old ones end", 404, 422, 429), s.newPaper)
	huma.Register(api, quiet("remove-second-factor", http.MethodDelete, "/session/second-factor", tag, "Give the second factor up, with the password; refused to roles that need one", 403, 404, 422, 429), s.removeFactor)
}

func (s *Server) getFactor(ctx context.Context, _ *struct{}) (*bodyOf[FactorState], error) {
	who := callerOf(ctx)
	out := FactorState{Unavailable: s.parts.Vault == nil}
	var err error
	if out.Required, err = s.requires(ctx, who.User.Role); err != nil {
		return nil, s.problem(ctx, err)
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select confirmed_at, (select count(*) from recovery_codes r where r.user_id = f.user_id and r.used_at is null)
			from second_factors f where f.user_id = $1::bigint and f.confirmed_at is not null`, who.User.ID).Scan(&out.Since, &out.Recovery)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		out.On = err == nil
		return err
	})
	return &bodyOf[FactorState]{out}, s.problem(ctx, err)
}

type passwordBody struct {
	Body struct {
		Password string `json:"password" maxLength:"800" doc:"one's own; empty where the login came from outside"`
	}
}

// proves asks for the password once more before something of the login is changed. Who came from outside has none.
func (s *Server) proves(ctx context.Context, who *caller, password string) error {
	if who.outside {
		return nil
	}
	if wait, err := s.throttle.take(ctx, who.User.Username, who.address); err != nil || wait > 0 {
		if err != nil {
			return s.problem(ctx, err)
		}
		return tooMany(wait)
	}
	u, err := s.users.byName(ctx, who.User.Username)
	if err != nil {
		return s.problem(ctx, err)
	}
	right, err := s.passwords.matches(ctx, password, u.hash)
	switch {
	case err != nil:
		return s.problem(ctx, err)
	case !right:
		return huma.Error422UnprocessableEntity("the password is wrong", &huma.ErrorDetail{Location: "body.password", Message: "is wrong"})
	}
	return s.problem(ctx, s.throttle.forgive(ctx, who.User.Username, who.address))
}

func (s *Server) beginFactor(ctx context.Context, in *passwordBody) (*bodyOf[FactorSecret], error) {
	who := callerOf(ctx)
	if s.parts.Vault == nil {
		return nil, errNoVault
	}
	if err := s.proves(ctx, who, in.Body.Password); err != nil {
		return nil, err
	}
	key, err := s.factors.begin(ctx, who.User)
	if errors.Is(err, pg.ErrConflict) {
		return nil, huma.Error409Conflict("there is a second factor already: remove it first")
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	picture, err := key.Image(pictureSize, pictureSize)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[FactorSecret]{FactorSecret{key.Secret(), key.URL(), "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())}}, nil
}

type codeBody struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"40"`
	}
}

// withCode takes a code and does something in the same transaction. Wrong ones are counted like wrong passwords.
func (s *Server) withCode(ctx context.Context, code string, unconfirmed bool, action act) (*bodyOf[RecoveryCodes], error) {
	who := callerOf(ctx)
	if wait, err := s.throttle.take(ctx, who.User.Username, who.address); err != nil || wait > 0 {
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, tooMany(wait)
	}
	var out RecoveryCodes
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		recovery, err := s.factors.check(ctx, tx, who.User.ID, code, unconfirmed)
		if err == nil && recovery && unconfirmed {
			err = errCode
		}
		if err != nil {
			return err
		}
		if out.Codes, err = s.factors.paper(ctx, tx, who.User.ID); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(action, userSubject(who.User.ID)))
	})
	switch {
	case errors.Is(err, errCode):
		return nil, huma.Error422UnprocessableEntity(errCode.Error(), &huma.ErrorDetail{Location: "body.code", Message: "is wrong"})
	case errors.Is(err, pg.ErrNotFound):
		return nil, huma.Error404NotFound(errNoFactor.Error())
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[RecoveryCodes]{out}, s.problem(ctx, s.throttle.forgive(ctx, who.User.Username, who.address))
}

func (s *Server) confirmFactor(ctx context.Context, in *codeBody) (*bodyOf[RecoveryCodes], error) {
	return s.withCode(ctx, in.Body.Code, true, actSecondFactorAdded)
}

func (s *Server) newPaper(ctx context.Context, in *codeBody) (*bodyOf[RecoveryCodes], error) {
	return s.withCode(ctx, in.Body.Code, false, actSecondFactorNewCodes)
}

func (s *Server) removeFactor(ctx context.Context, in *passwordBody) (*struct{}, error) {
	who := callerOf(ctx)
	must, err := s.requires(ctx, who.User.Role)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if must {
		return nil, huma.Error403Forbidden("your role needs a second factor")
	}
	if err := s.proves(ctx, who, in.Body.Password); err != nil {
		return nil, err
	}
	return nil, s.dropFactor(ctx, who.User.ID)
}

func (s *Server) dropFactor(ctx context.Context, user string) error {
	who := callerOf(ctx)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.factors.remove(ctx, tx, user); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actSecondFactorRemoved, userSubject(user)))
	})
	return s.problem(ctx, err)
}
