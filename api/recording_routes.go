package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
)

// playedAgain is for how long further requests of one playback are not written down again.
const playedAgain = 10 * time.Minute

// downloadTime is how long a client may take to fetch a recording.
const downloadTime = 30 * time.Minute

func (s *Server) recordingRoutes(api huma.API) {
	play := operation("recording", http.MethodGet, "/calls/{id}/recording", "calls", "The sound of a call: stereo WAV, left the caller, right our side; HTTP ranges", 404, 416)
	play.Responses = map[string]*huma.Response{
		"200": {Description: "The whole file", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"206": {Description: "The range asked for", Content: map[string]*huma.MediaType{"audio/wav": {}}},
	}
	huma.Register(api, play, s.playRecording)
	huma.Register(api, operation("recording-peaks", http.MethodGet, "/calls/{id}/recording/peaks", "calls", "The loudness of a recording over time", 404), s.getPeaks)
	head := humaHead{s}
	api.Adapter().(interface {
		Handle(*huma.Operation, func(huma.Context))
	}).Handle(&huma.Operation{Method: http.MethodHead, Path: base + "/calls/{id}/recording"}, head.serve)
}

// humaHead answers HEAD like GET; net/http leaves the body out.
type humaHead struct{ s *Server }

func (h humaHead) serve(ctx huma.Context) {
	c := humagin.Unwrap(ctx)
	f, err := h.s.openRecording(ctx.Context(), c.Param("id"))
	if err != nil {
		h.s.refuseError(c, err)
		return
	}
	defer f.Close()
	sendRecording(c, f, c.Param("id"))
}

func (s *Server) playRecording(ctx context.Context, in *callInput) (*huma.StreamResponse, error) {
	f, err := s.openRecording(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	// No row, no sound.
	if err := s.notePlayed(ctx, in.ID); err != nil {
		f.Close()
		return nil, s.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer f.Close()
		sendRecording(humagin.Unwrap(hc), f, in.ID)
	}}, nil
}

func sendRecording(c *gin.Context, f *os.File, id string) {
	info, err := f.Stat()
	if err != nil {
		refuse(c, http.StatusNotFound, "the recording is not there any more")
		return
	}
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(downloadTime)) // not every test's writer can
	c.Header("Content-Type", "audio/wav")
	c.Header("Content-Disposition", fmt.Sprintf(`inline; filename="%s.wav"`, id))
	c.Header("Cache-Control", "private, no-store")
	http.ServeContent(c.Writer, c.Request, "", info.ModTime(), f)
}

// errNoSound: the call has no recording, or not any more.
var errNoSound = huma.Error404NotFound("this call has no recording")

// recordingPath is where the sound of a call is.
func (s *Server) recordingPath(r *call.Record) string {
	if filepath.IsAbs(r.Recording.Path) {
		return r.Recording.Path
	}
	return filepath.Join(s.cfg.Recordings, r.Recording.Path)
}

func (s *Server) openRecording(ctx context.Context, id string) (*os.File, error) {
	r, err := s.parts.Calls.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if sum := r.Summary(); !sum.HasRecording || r.Recording.Path == "" {
		return nil, errNoSound
	}
	f, err := os.Open(s.recordingPath(&r))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoSound
	}
	return f, err
}

// notePlayed writes one audit row per playback: a player asks for many ranges of one file.
func (s *Server) notePlayed(ctx context.Context, id string) error {
	who := callerOf(ctx)
	return s.db.Tx(ctx, func(tx pgx.Tx) error {
		var before bool
		err := tx.QueryRow(ctx, `select exists (select 1 from audit where at > $1 and actor = $2 and action = 'recording.played' and subject = $3)`,
			s.now().Add(-playedAgain), who.User.Username, callSubject(id)).Scan(&before)
		if err != nil || before {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actRecordingPlayed, callSubject(id)))
	})
}

// Peaks is the body of GET /calls/{id}/recording/peaks.
type Peaks struct {
	Rate       float64   `json:"rate" doc:"values per second"`
	DurationMS int64     `json:"duration_ms"`
	Left       []float64 `json:"left" doc:"the caller, 0 to 1"`
	Right      []float64 `json:"right" doc:"our side, 0 to 1"`
}

type peaksInput struct {
	ID      string `path:"id" maxLength:"36" doc:"UUIDv7 of the call"`
	Buckets int    `query:"buckets" minimum:"10" maximum:"5000" default:"1200"`
}

func (s *Server) getPeaks(ctx context.Context, in *peaksInput) (*bodyOf[Peaks], error) {
	f, err := s.openRecording(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	defer f.Close()
	w, err := s.peaks.of(ctx, f)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[Peaks]{w.reduce(in.Buckets)}, nil
}
