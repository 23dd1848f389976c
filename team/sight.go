package team

import (
	"context"
	"slices"
	"strings"
)

// Sight is which rows somebody sees. The zero value of a pointer sees all.
type Sight struct {
	User  int64
	Name  string // user name
	Reach map[Noun]Reach
	// Of the user's teams, with the user's own.
	Users  []int64
	Names  []string
	Queues []string
}

// Part is what of a sight tells it from others: two members of a team that see its work alike have the same.
func (s *Sight) Part() any {
	if s == nil {
		return nil
	}
	user := int64(0)
	for _, r := range s.Reach {
		if r == Own {
			user = s.User
		}
	}
	return []any{s.Reach, user, s.Users, s.Queues}
}

type sightKey struct{}

// With is ctx with a sight; nil sees all.
func With(ctx context.Context, s *Sight) context.Context {
	return context.WithValue(ctx, sightKey{}, s)
}

// Of is the sight of a context, nil when it sees all.
func Of(ctx context.Context) *Sight {
	s, _ := ctx.Value(sightKey{}).(*Sight)
	return s
}

// reach is how far the sight goes for a noun.
func (s *Sight) reach(n Noun) Reach {
	if s == nil || s.Reach[n] == "" {
		return All
	}
	return s.Reach[n]
}

// Whole tells whether all rows of a noun are seen.
func (s *Sight) Whole(n Noun) bool { return s.reach(n) == All }

// holders are whose rows are seen: users by id and by name, and queues.
func (s *Sight) holders(n Noun) (users []int64, names, queues []string) {
	if s.reach(n) == Own {
		return []int64{s.User}, []string{s.Name}, []string{}
	}
	return s.Users, s.Names, s.Queues
}

// Least is whose rows are seen of all of some nouns: those of the noun that is seen least of. ok is false when each is seen wholly.
func (s *Sight) Least(nouns ...Noun) (h Holders, ok bool) {
	for _, reach := range []Reach{Own, Team} {
		for _, n := range nouns {
			if s.reach(n) == reach {
				h.Users, h.Names, h.Queues = s.holders(n)
				return h, true
			}
		}
	}
	return h, false
}

// conditions tell which rows belong to holders; $row is the row of the noun, ?u, ?n and ?q are the holders.
var conditions = map[Noun]string{
	Conversations: `($row.assignee = any(?u) or $row.queue = any(?q)
		or exists (select from queue_work sw where sw.id = 'chat:' || $row.id and sw.phase <> 'ended' and sw.agent_id = any(?u)))`,
	Calls: `($row.agent = any(?n) or $row.queue = any(?q)
		or exists (select from legs sl where sl.call_id = $row.id and sl.user_name = any(?n) and sl.role <> 'supervisor')
		or exists (select from queue_work sw where sw.id = $row.id::text and (sw.agent_id = any(?u) or sw.queue_id = any(?q))))`,
	Feedback: `coalesce($row.owner = any(?u) or $row.agent = any(?u), false)`, // cases
	Tickets:  `($row.assignee = any(?u) or $row.queue_id = any(?q) or $row.created_by = any(?n))`,
}

func init() {
	conditions[Recordings] = conditions[Calls]
	through := func(n Noun, table, as, contact string) string {
		return `exists (select from ` + table + ` ` + as + ` where ` + as + `.` + contact + ` = sk.id and ` + strings.ReplaceAll(conditions[n], "$row", as) + `)`
	}
	conditions[Contacts] = `exists (select from contacts sk where sk.root = $row.root and (` + strings.Join([]string{
		through(Conversations, "conversations", "sc", "contact_id"), through(Calls, "calls", "sv", "contact_id"), through(Tickets, "tickets", "st", "contact_id"),
		`exists (select from contact_makers sm where sm.contact_id = sk.id and sm.user_id = any(?u))`}, " or ") + `))`
}

// Condition tells which rows of a noun the sight of ctx sees, as SQL over the row that is called row; bind takes a parameter and
// tells its place, "$3" or "?". It is empty when all are seen.
func Condition(ctx context.Context, n Noun, row string, bind func(any) string) string {
	return Over(ctx, n, n, row, bind)
}

// Over is Condition by how far another noun is seen: which rows of a noun count in what is seen of n, as calls do in reports.
func Over(ctx context.Context, n, rows Noun, row string, bind func(any) string) string {
	s := Of(ctx)
	if s.Whole(n) {
		return ""
	}
	condition, ok := conditions[rows]
	if !ok {
		return "false" // it has no rows that could be told apart
	}
	return s.fill(n, condition, row, bind)
}

// fill puts a row and the holders of a noun into a condition.
func (s *Sight) fill(n Noun, condition, row string, bind func(any) string) string {
	users, names, queues := s.holders(n)
	var out strings.Builder
	rest := strings.ReplaceAll(condition, "$row", row)
	for {
		i := strings.Index(rest, "any(?")
		if i < 0 {
			out.WriteString(rest)
			return out.String()
		}
		var v any = users
		cast := "::bigint[]"
		switch rest[i+5] {
		case 'n':
			v, cast = names, "::text[]"
		case 'q':
			v, cast = queues, "::text[]"
		}
		out.WriteString(rest[:i] + "any(" + bind(v) + cast + ")")
		rest = rest[i+7:]
	}
}

// Where is a condition of the caller's own over rows that belong to a noun: any(?u) are the users that are seen, by id, any(?n)
// the same by name, any(?q) queues. It is empty when all are seen.
func Where(ctx context.Context, n Noun, condition string, bind func(any) string) string {
	s := Of(ctx)
	if s.Whole(n) {
		return ""
	}
	return s.fill(n, "coalesce("+condition+", false)", "", bind)
}

// Shows tells whether something of these holders is seen; what nobody has and stands in no queue is not.
func (s *Sight) Shows(n Noun, h Holders) bool {
	if s.Whole(n) {
		return true
	}
	users, names, queues := s.holders(n)
	for _, u := range h.Users {
		if slices.Contains(users, u) {
			return true
		}
	}
	for _, u := range h.Names {
		if slices.Contains(names, u) {
			return true
		}
	}
	for _, q := range h.Queues {
		if slices.Contains(queues, q) {
			return true
		}
	}
	return false
}

// Holders are who has, or had, something.
type Holders struct {
	Users  []int64
	Names  []string
	Queues []string
}

// ShowsQueue tells whether the sight has a queue for a noun.
func (s *Sight) ShowsQueue(n Noun, queue string) bool {
	return s.Shows(n, Holders{Queues: []string{queue}})
}

// ShowsUser tells whether the sight has a user for a noun.
func (s *Sight) ShowsUser(n Noun, user int64) bool { return s.Shows(n, Holders{Users: []int64{user}}) }
