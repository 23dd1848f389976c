package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Retention is how many days each class of data is kept after the call began; 0 keeps it for ever.
type Retention struct {
	RecordingsDays  int `json:"recordings_days" minimum:"0" maximum:"36500"`
	TranscriptsDays int `json:"transcripts_days" minimum:"0" maximum:"36500" doc:"words and flow variables"`
	RecordsDays     int `json:"records_days" minimum:"0" maximum:"36500" doc:"who called whom when; takes recording and words with it"`
	AuditDays       int `json:"audit_days" minimum:"0" maximum:"36500"`
}

// defaultRetention holds until somebody sets another.
var defaultRetention = Retention{RecordingsDays: 180, TranscriptsDays: 365, RecordsDays: 1095, AuditDays: 1095}

const retentionKey = "retention"

// settings is the table of settings.
type settings struct {
	db *pg.DB
}

func (t settings) retention(ctx context.Context) (Retention, error) {
	raw, err := pg.Row(ctx, t.db, pgx.RowTo[[]byte], `select value from settings where key = $1`, retentionKey)
	if errors.Is(err, pg.ErrNotFound) {
		return defaultRetention, nil
	}
	if err != nil {
		return Retention{}, err
	}
	r := defaultRetention
	if err := json.Unmarshal(raw, &r); err != nil {
		return Retention{}, fmt.Errorf("setting %s: %w", retentionKey, err)
	}
	return r, nil
}

func (t settings) setRetention(ctx context.Context, tx pgx.Tx, r Retention, by string) error {
	_, err := tx.Exec(ctx, `insert into settings (key, value, updated_by) values ($1, $2, $3)
		on conflict (key) do update set value = $2, updated_by = $3, updated_at = now()`, retentionKey, r, by)
	return err
}

func (s *Server) settingRoutes(api huma.API) {
	huma.Register(api, operation("retention", http.MethodGet, "/settings/retention", "settings", "How long data is kept"), s.getRetention)
	huma.Register(api, operation("set-retention", http.MethodPut, "/settings/retention", "settings", "Set how long data is kept", 422), s.putRetention)
	huma.Register(api, operation("check-audit", http.MethodGet, "/audit/check", "settings", "Walk the whole audit log: does each row follow from the one before"), s.checkAudit)
	huma.Register(api, operation("audit", http.MethodGet, "/audit", "settings", "Who did what, newest first"), s.listAudit)
	huma.Register(api, operation("audit-acts", http.MethodGet, "/audit/acts", "settings", "All acts that the audit log can have"), s.listActs)
}

func (s *Server) getRetention(ctx context.Context, _ *struct{}) (*bodyOf[Retention], error) {
	r, err := s.settings.retention(ctx)
	return &bodyOf[Retention]{r}, s.problem(ctx, err)
}

func (s *Server) putRetention(ctx context.Context, in *bodyOf[Retention]) (*bodyOf[Retention], error) {
	who := callerOf(ctx)
	r := in.Body
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.settings.setRetention(ctx, tx, r, who.User.Username); err != nil {
			return err
		}
		e := who.entry(actRetentionChanged, "settings:retention")
		e.Detail = map[string]any{"recordings_days": r.RecordingsDays, "transcripts_days": r.TranscriptsDays, "records_days": r.RecordsDays, "audit_days": r.AuditDays}
		return s.audit.add(ctx, tx, e)
	})
	return &bodyOf[Retention]{r}, s.problem(ctx, err)
}

// AuditCheck is the body of GET /audit/check.
type AuditCheck struct {
	Whole  bool   `json:"whole" doc:"each row follows from the one before"`
	Rows   int    `json:"rows" doc:"that were found right"`
	Head   string `json:"head" doc:"hash of the last of them, hex; it stands in the server's log once a day"`
	Broken int64  `json:"broken,omitempty" doc:"the first row that does not follow"`
}

func (s *Server) checkAudit(ctx context.Context, _ *struct{}) (*bodyOf[AuditCheck], error) {
	rows, head, err := s.VerifyAudit(ctx)
	out := AuditCheck{Whole: err == nil, Rows: rows, Head: hex.EncodeToString(head)}
	var broken *BrokenChainError
	if errors.As(err, &broken) {
		out.Broken, err = broken.ID, nil
	}
	return &bodyOf[AuditCheck]{out}, s.problem(ctx, err)
}

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	ID      int64          `json:"id"`
	At      time.Time      `json:"at"`
	Actor   string         `json:"actor"`
	Action  string         `json:"action"`
	Subject string         `json:"subject"`
	Address string         `json:"address"`
	Detail  map[string]any `json:"detail"`
}

// AuditPage is the body of GET /audit.
type AuditPage struct {
	Items []AuditEntry `json:"items"`
	Next  string       `json:"next,omitempty"`
}

type auditInput struct {
	Cursor string `query:"cursor" pattern:"^[0-9]{1,18}$" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	// Rows of former versions may have acts that none of today's has, so it is no enum.
	Action []string `query:"action" maxItems:"200" doc:"only these acts, noun.verb, of GET /audit/acts"`
}

func (s *Server) listAudit(ctx context.Context, in *auditInput) (*bodyOf[AuditPage], error) {
	before := int64(1) << 62
	if in.Cursor != "" {
		before, _ = strconv.ParseInt(in.Cursor, 10, 64) // the pattern lets digits through only
	}
	rows, err := pg.Rows(ctx, s.db, scanAudit, `select `+auditColumns+` from audit where id < $1 and ($3::text[] is null or action = any($3)) order by id desc limit $2`, before, in.Limit, in.Action)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := AuditPage{Items: make([]AuditEntry, len(rows))}
	for i, r := range rows {
		it := AuditEntry{ID: r.id, At: r.At.UTC(), Actor: r.Actor, Action: r.Action.name, Subject: r.Subject, Address: r.Address}
		if err := json.Unmarshal(r.detail, &it.Detail); err != nil {
			return nil, s.problem(ctx, err)
		}
		out.Items[i] = it
	}
	if len(rows) == in.Limit {
		out.Next = strconv.FormatInt(rows[len(rows)-1].id, 10)
	}
	return &bodyOf[AuditPage]{out}, nil
}
