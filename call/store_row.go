package call

import (
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/asr"
	"tingxin/pg"
)

// storable takes out of s what PostgreSQL cannot hold in a text: NUL and bytes that are no UTF-8.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// storableMap is storable for everything in a JSON object; nil becomes empty.
func storableMap(m map[string]any) map[string]any {
	clean := make(map[string]any, len(m))
	for k, v := range m {
		clean[storable(k)] = storableValue(v)
	}
	return clean
}

func storableValue(v any) any {
	switch v := v.(type) {
	case string:
		return storable(v)
	case float64:
		return finite(v)
	case map[string]any:
		return storableMap(v)
	case []any:
		clean := make([]any, len(v))
		for i := range v {
			clean[i] = storableValue(v[i])
		}
		return clean
	case []string:
		clean := make([]string, len(v))
		for i := range v {
			clean[i] = storable(v[i])
		}
		return clean
	}
	return v
}

// finite is 0 for what JSON cannot say.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func finite32(f float32) float32 { return float32(finite(float64(f))) }

// callRow is a call as its columns.
type callRow struct {
	Record
	AnsweredAt, EndedAt *time.Time
	RecordingMS         int64
	ContactID           *int64
}

// targets are where the columns constant's values go; number_grams is not read.
func (r *callRow) targets() []any {
	return []any{&r.ID, &r.State, &r.Direction, &r.From, &r.FromName, &r.To, nil, &r.Trunk, &r.Route, &r.Language,
		&r.StartedAt, &r.AnsweredAt, &r.EndedAt, &r.Consent, &r.Cause, &r.SIPStatus,
		&r.Recording.Path, &r.RecordingMS, &r.Recording.Bytes, &r.Recording.SHA256, &r.Recording.State, &r.Transcription, &r.Node, &r.Data, &r.Queue, &r.Agent, &r.ContactID}
}

func (r *callRow) record() Record {
	rec := r.Record
	rec.StartedAt = rec.StartedAt.UTC()
	rec.AnsweredAt, rec.EndedAt = pg.Moment(r.AnsweredAt), pg.Moment(r.EndedAt)
	if r.ContactID != nil {
		rec.Contact = *r.ContactID
	}
	rec.Recording.Duration = time.Duration(r.RecordingMS) * time.Millisecond
	return rec
}

func scanRecord(row pgx.CollectableRow) (Record, error) {
	var r callRow
	if err := row.Scan(r.targets()...); err != nil {
		return Record{}, err
	}
	return r.record(), nil
}

// idOrNil is the id of a contact as a parameter; 0 is nobody.
func idOrNil(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func scanLeg(row pgx.CollectableRow) (LegRecord, error) {
	var l LegRecord
	var started, answered, ended *time.Time
	q := &l.Quality
	err := row.Scan(&l.CallID, &l.N, &l.Side, &l.Direction, &l.Peer, &l.Codec, &l.Transport, &l.Secure, &l.SIPCallID, &started, &answered, &ended,
		&l.Cause, &q.PacketsIn, &q.PacketsOut, &q.Lost, &q.LossPct, &q.JitterMS, &q.RTTMS, &q.MOS, &l.Role, &l.User)
	l.StartedAt, l.AnsweredAt, l.EndedAt = pg.Moment(started), pg.Moment(answered), pg.Moment(ended)
	return l, err
}

// utteranceRow holds an utterance's words as arrays side by side: a third of the size of JSON.
type utteranceRow struct {
	Text, Raw          string
	WordText           []string
	WordStart, WordEnd []int32 // ms
	WordConf           []float32
	Spans              []int32 // four by four
}

func rowOf(u *Utterance) utteranceRow {
	n := len(u.Words)
	row := utteranceRow{Text: storable(u.Text), Raw: storable(u.Raw), WordText: make([]string, n), WordStart: make([]int32, n),
		WordEnd: make([]int32, n), WordConf: make([]float32, n), Spans: make([]int32, 0, 4*len(u.Spans))}
	for i, w := range u.Words {
		row.WordText[i], row.WordStart[i], row.WordEnd[i] = storable(w.Text), int32(w.Start.Milliseconds()), int32(w.End.Milliseconds())
		row.WordConf[i] = finite32(w.Conf)
	}
	for _, s := range u.Spans {
		row.Spans = append(row.Spans, int32(s.TextStart), int32(s.TextEnd), int32(s.From), int32(s.To))
	}
	return row
}

// fill puts the arrays back; arrays of unequal length, which we never write, are cut.
func (row *utteranceRow) fill(u *Utterance) {
	n := min(len(row.WordText), len(row.WordStart), len(row.WordEnd), len(row.WordConf))
	u.Text, u.Raw, u.Words, u.Spans = row.Text, row.Raw, make([]asr.Word, n), make([]asr.Span, len(row.Spans)/4)
	for i := range n {
		u.Words[i] = asr.Word{Text: row.WordText[i], Start: milliseconds(row.WordStart[i]), End: milliseconds(row.WordEnd[i]), Conf: row.WordConf[i]}
	}
	for i := range u.Spans {
		s := row.Spans[4*i:]
		u.Spans[i] = asr.Span{TextStart: int(s[0]), TextEnd: int(s[1]), From: int(s[2]), To: int(s[3])}
	}
}

func milliseconds(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }

func scanUtterance(row pgx.CollectableRow) (Utterance, error) {
	var u Utterance
	var r utteranceRow
	var segment, start, end int64
	err := row.Scan(&u.CallID, &u.Side, &u.Seq, &segment, &start, &end, &r.Text, &r.Raw,
		&r.WordText, &r.WordStart, &r.WordEnd, &r.WordConf, &r.Spans, &u.Language, &u.Model, &u.Conf, &u.Turn, &u.Gap, &u.Reason, &u.Late)
	r.fill(&u)
	u.Segment = uint64(segment)
	u.Start, u.End = time.Duration(start)*time.Millisecond, time.Duration(end)*time.Millisecond
	return u, err
}
