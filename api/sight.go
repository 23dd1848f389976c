package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/pg"
	"tingxin/team"
)

// seenPath says what a parameter of a path names. Whoever does not see that row is answered as if it were not there.
type seenPath struct {
	noun  team.Noun
	param string
	via   string // SQL that tells the noun's id of the parameter's; "": it is the id
}

// seenPaths are the paths that name something that not everybody sees, by their beginning; the longest counts, and each route
// below it is guarded, without knowing of it.
var seenPaths = map[string][]seenPath{
	"/conversations/:id":                       {{team.Conversations, "id", ""}},
	"/conversation-changes/:id":                {{team.Conversations, "id", `select from_id::text from conversation_changes where id = $1::bigint`}},
	"/messages/:id":                            {{team.Conversations, "id", `select thread_id::text from messages where id = $1::bigint`}},
	"/calls/:id":                               {{team.Calls, "id", ""}},
	"/calls/:id/recording":                     {{team.Calls, "id", ""}, {team.Recordings, "id", ""}},
	"/tickets/:id":                             {{team.Tickets, "id", ""}},
	"/tickets/:id/links/:other":                {{team.Tickets, "id", ""}, {team.Tickets, "other", ""}},
	"/cases/:id":                               {{team.Feedback, "id", ""}},
	"/contacts/:id":                            {{team.Contacts, "id", ""}},
	"/contacts/:id/suggestions/:other/dismiss": {{team.Contacts, "id", ""}, {team.Contacts, "other", ""}},
	"/contact-merges/:merge":                   {{team.Contacts, "merge", `select survivor::text from contact_merges where id = $1::bigint`}},
	"/bot/contacts/:id":                        {{team.Contacts, "id", ""}},
	"/bot/slots/:id":                           {{team.Contacts, "id", `select contact_id::text from bot_slots where id = $1::bigint`}},
}

// wholeOnly are routes that show what belongs to many, or to nobody: they are for those only who see all of it. A path that ends
// in "/*" stands for all below it.
var wholeOnly = map[string]team.Noun{
	"/bot/sessions": team.Conversations, "/bot/sessions/*": team.Conversations, "/bot/unanswered": team.Conversations, "/bot/turns/*": team.Conversations, "/bot/report": team.Reports,
	"/kb/unanswered": team.Conversations, "/kb/suggestions": team.Conversations, "/kb/suggestions/*": team.Conversations, "/kb/health": team.Reports, "/dead-letters": team.Conversations,
	"/erasures": team.Contacts, "/contact-imports": team.Contacts, "/emotion/labels.zip": team.Recordings,
	"/rules/runs": team.Tickets, "/practice/cases": team.Conversations, "/practice/results": team.Reports,
}

// sightOf is what a login sees; nil for all. Administrators see all.
func (s *Server) sightOf(ctx context.Context, sess *session) (*team.Sight, error) {
	if sess.User.Role == RoleAdmin || len(sess.reach) == 0 {
		return nil, nil
	}
	id, err := strconv.ParseInt(sess.User.ID, 10, 64)
	if err != nil {
		return nil, err
	}
	return s.teams.Sight(ctx, id, sess.User.Username, sess.reach)
}

// wholeOf is the noun of which all must be seen for a path; ok is false when there is none.
func wholeOf(path string) (n team.Noun, ok bool) {
	if n, ok = wholeOnly[path]; ok {
		return n, true
	}
	for p, n := range wholeOnly {
		if below, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(path, below) {
			return n, true
		}
	}
	return "", false
}

// seenOf is what the parameters of a path name.
func seenOf(path string) []seenPath {
	var found []seenPath
	longest := -1
	for prefix, all := range seenPaths {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > longest {
			found, longest = all, len(prefix)
		}
	}
	return found
}

// inSight lets a request through whose path names only what the sight of its context sees.
func (s *Server) inSight(c *gin.Context) bool {
	ctx := c.Request.Context()
	sight := team.Of(ctx)
	if sight == nil {
		return true
	}
	path := strings.TrimPrefix(c.FullPath(), base)
	if n, ok := wholeOf(path); ok && !sight.Whole(n) {
		refuse(c, http.StatusForbidden, "your role sees the "+string(n)+" of its own or its team only: this is about all of them")
		return false
	}
	for _, p := range seenOf(path) {
		seen, err := s.seesParam(ctx, p, c.Param(p.param))
		if err != nil {
			s.refuseError(c, err)
			return false
		}
		if !seen {
			refuse(c, http.StatusNotFound, "there is no such thing")
			return false
		}
	}
	return true
}

func (s *Server) seesParam(ctx context.Context, p seenPath, id string) (bool, error) {
	if team.Of(ctx).Whole(p.noun) {
		return true, nil
	}
	if p.via != "" {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 {
			return true, nil // no id at all: the operation says so
		}
		of, err := pg.Row(ctx, s.db, pgx.RowTo[*string], p.via, id)
		if err != nil || of == nil {
			return false, notThere(err)
		}
		id = *of
	}
	return s.teams.Sees(ctx, p.noun, id)
}

// notThere is nil for a row that there is not.
func notThere(err error) error {
	if errors.Is(err, pg.ErrNotFound) {
		return nil
	}
	return err
}

// sees refuses what the sight of ctx does not see, as if it were not there; ids that are 0 or empty name nothing.
func (s *Server) sees(ctx context.Context, n team.Noun, ids ...any) error {
	for _, v := range ids {
		id := fmt.Sprint(v)
		if id == "" || id == "0" {
			continue
		}
		seen, err := s.teams.Sees(ctx, n, id)
		if err != nil {
			return s.problem(ctx, err)
		}
		if !seen {
			return huma.Error404NotFound("there is no such thing")
		}
	}
	return nil
}

// nounOf is the noun of what cards and macros stand beside.
var nounOf = map[string]team.Noun{"call": team.Calls, "conversation": team.Conversations, "ticket": team.Tickets}

// seenCalls leaves of running calls those that the sight of ctx sees; id tells which one an item is about.
func seenCalls[T any](ctx context.Context, s *Server, items []T, id func(*T) string) ([]T, error) {
	if team.Of(ctx).Whole(team.Calls) || len(items) == 0 {
		return items, nil
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = id(&items[i])
	}
	seen, err := s.parts.Calls.Seen(ctx, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(items), func(it T) bool { return !seen[id(&it)] }), nil
}

func idOfLive(c *call.Snapshot) string { return c.ID }
