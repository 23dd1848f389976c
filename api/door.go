package api

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"

	"tingxin/contact"
	"tingxin/feedback"
	"tingxin/pg"
	"tingxin/ticket"
)

// Pages for one customer, opened by an address that only they were given: a ticket, or the question of a
// case. No login, no script; what is shown is what the customer said and was told.

//go:embed help/door.html help/door.css
var doorFiles embed.FS

var doorPage = template.Must(template.ParseFS(doorFiles, "help/door.html"))

const (
	doorText = 5000 // characters
	doorBody = ticket.MaxFile + 64<<10
)

var doorWords = map[string]map[string]string{
	"zh": {"site": "客户服务", "skip": "跳到正文", "made": "提交于", "you": "您", "us": "客服", "reply": "补充或回复", "message": "内容", "file": "附件（图片、PDF 或文本，不超过 5 MB，可不选）", "send": "发送", "rate": "您对这次处理满意吗？",
		"choose": "请选择", "comment": "想对我们说的话（可不填）", "sendAnswer": "提交", "private": "本页地址仅供您本人使用，请勿转发。", "replied": "已收到，谢谢。", "rated": "谢谢您的评价。", "again": "您已经评价过了，谢谢。", "new": "原工单已结束，我们为您新建了一张。",
		"lost": "页面已失效", "lostText": "这个地址不存在、已过期或已被撤销。请联系客服获取新的地址。", "busy": "请求太多，请稍后再试。", "early": "现在还不需要回答这个问题。", "ticket": "工单 #%d：%s", "solved": "您反馈的问题（%s）解决了吗？", "question": "回访", "survey": "您的评价", "over": "这个问题的回答时间已过。", "badScore": "请选择一个分数。",
		"s_new": "待处理", "s_open": "处理中", "s_pending_customer": "等待您的回复", "s_pending_third": "处理中", "s_on_hold": "已安排", "s_resolved": "已解决", "s_closed": "已结束", "badFile": "附件未保存：仅支持不超过 5 MB 的图片、PDF 或文本。", "badText": "请写 1 到 5000 个字。"},
	"en": {"site": "Customer service", "skip": "Skip to the text", "made": "sent on", "you": "You", "us": "Customer service", "reply": "Add something, or answer", "message": "Message", "file": "File (picture, PDF or text, up to 5 MB; optional)", "send": "Send", "rate": "Are you satisfied with how this was handled?",
		"choose": "Choose one", "comment": "What else would you like to tell us? (optional)", "sendAnswer": "Send", "private": "The address of this page is for you only; do not pass it on.", "replied": "We have received it. Thank you.", "rated": "Thank you for telling us.", "again": "You have told us already. Thank you.", "new": "That ticket is finished, so we opened a new one for you.",
		"lost": "This page is not valid any more", "lostText": "The address does not exist, is over or was withdrawn. Ask us for a new one.", "busy": "Too many requests. Try again in a minute.", "early": "There is no need to answer this now.", "ticket": "Ticket #%d: %s", "solved": "Is what you told us about (%s) solved?", "question": "One question", "survey": "One question", "over": "The time in which this could be answered is over.", "badScore": "Choose one of the numbers.",
		"s_new": "Received", "s_open": "We are working on it", "s_pending_customer": "Waits for your answer", "s_pending_third": "We are working on it", "s_on_hold": "Scheduled", "s_resolved": "Solved", "s_closed": "Finished", "badFile": "The file was not kept: pictures, PDF or text up to 5 MB only.", "badText": "Write 1 to 5000 characters."},
}

// doorView is what the template shows.
type doorView struct {
	Lang, Tag, OtherLang, OtherTag, OtherName, Here, Title, Text, Said, Wrong, State, Ask string
	T                                                                                     map[string]string
	Ticket                                                                                *ticket.Ticket
	Comments                                                                              []ticket.Comment
	Files                                                                                 map[int64][]ticket.File // by comment
	Scores                                                                                []feedback.Choice
}

func (s *Server) doorRoutes(r gin.IRoutes) {
	if s.parts.Feedback == nil {
		return
	}
	shared, _ := helpFiles.ReadFile("help/help.css") // embedded, cannot fail
	own, _ := doorFiles.ReadFile("help/door.css")
	style := append(append([]byte{}, shared...), own...)
	r.GET("/t/page.css", func(c *gin.Context) { s.sendCached(c, "text/css; charset=utf-8", "public, max-age=3600", style) })
	r.GET("/t/:token", s.door(feedback.LinkTicket, s.showTicket))
	r.POST("/t/:token", s.door(feedback.LinkTicket, s.actTicket))
	r.GET("/t/:token/files/:file", s.door(feedback.LinkTicket, s.sendTicketFile))
	r.GET("/c/:token", s.door(feedback.LinkCase, s.showCase))
	r.POST("/c/:token", s.door(feedback.LinkCase, s.actCase))
	r.GET("/q/:token", s.door(feedback.LinkSurvey, s.showSurvey))
	r.POST("/q/:token", s.door(feedback.LinkSurvey, s.actSurvey))
}

// door opens a page to who has its address.
func (s *Server) door(kind string, f func(*gin.Context, *doorView, feedback.Link)) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), requestTime)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Header("Content-Security-Policy", helpPolicy)
		c.Header("Referrer-Policy", "same-origin") // with "no-referrer" a browser's form would come from the origin "null"
		c.Header("X-Robots-Tag", "noindex, nofollow")
		v := doorIn(c)
		if !s.doors.take(c.ClientIP(), s.now()) {
			c.Header("Retry-After", "60")
			v.Title = v.T["busy"]
			s.sendDoor(c, http.StatusTooManyRequests, v)
			return
		}
		l, err := s.parts.Feedback.OpenLink(ctx, c.Param("token"))
		if err == nil && l.Kind != kind {
			err = pg.ErrNotFound
		}
		if err != nil {
			s.doorLost(c, v, err)
			return
		}
		f(c, v, l)
	}
}

// doorIn begins a page in the language that was asked for, else the browser's.
func doorIn(c *gin.Context) *doorView {
	lang := c.Query("lang")
	if doorWords[lang] == nil {
		lang = "zh"
		if tags, _, err := language.ParseAcceptLanguage(helpCut(c.GetHeader("Accept-Language"), 400)); err == nil && len(tags) > 0 {
			if _, i, confidence := helpLanguages.Match(tags...); confidence >= language.Low {
				lang = []string{"zh", "en"}[i]
			}
		}
	}
	other := "en"
	if lang == "en" {
		other = "zh"
	}
	return &doorView{Lang: lang, Tag: helpTags[lang], OtherLang: other, OtherTag: helpTags[other], OtherName: helpNames[other], Here: c.Request.URL.EscapedPath(), T: doorWords[lang]}
}

func (s *Server) doorLost(c *gin.Context, v *doorView, err error) {
	if !errors.Is(err, pg.ErrNotFound) {
		s.refuseError(c, err)
		return
	}
	v.Title, v.Text, v.Ask, v.Ticket = v.T["lost"], v.T["lostText"], "", nil
	s.sendDoor(c, http.StatusNotFound, v)
}

func (s *Server) sendDoor(c *gin.Context, status int, v *doorView) {
	var out bytes.Buffer
	if err := doorPage.Execute(&out, v); err != nil {
		s.refuseError(c, err)
		return
	}
	c.Data(status, "text/html; charset=utf-8", out.Bytes())
}

// presentTicket follows a ticket into the one that it is a part of now, or that goes on where it was closed, as far
// as that is of the same person: agents also merge what different people report of one fault.
func (s *Server) presentTicket(ctx context.Context, id int64) (ticket.Ticket, error) {
	t, err := s.parts.Tickets.Get(ctx, ticket.ID(id))
	for range 20 {
		if err != nil || t.State != ticket.Closed {
			break
		}
		next, err := s.nextTicket(ctx, &t)
		if err != nil {
			return t, err
		}
		if next == nil {
			break
		}
		t = *next
	}
	return t, err
}

// nextTicket is what a closed ticket of a person was merged into, else what follows it; nil when it is the last one.
func (s *Server) nextTicket(ctx context.Context, t *ticket.Ticket) (*ticket.Ticket, error) {
	if t.MergedTo != 0 {
		into, err := s.parts.Tickets.Get(ctx, t.MergedTo)
		if err != nil {
			return nil, err
		}
		if same, err := s.samePerson(ctx, t.Contact, into.Contact); err != nil || same {
			return &into, err
		}
	}
	next, err := s.parts.Tickets.FollowedBy(ctx, t.ID)
	if errors.Is(err, pg.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	same, err := s.samePerson(ctx, t.Contact, next.Contact)
	// One without a contact is followed by what its page made.
	if same = same || t.Contact == 0 && next.Contact == 0 && next.SourceRef == fmt.Sprintf("ticket:%d", t.ID); err != nil || !same {
		return nil, err
	}
	return &next, nil
}

// samePerson tells whether two contacts are known and one person.
func (s *Server) samePerson(ctx context.Context, a, b int64) (bool, error) {
	if a == 0 || b == 0 || a == b {
		return a != 0 && a == b, nil
	}
	one, err1 := s.contacts.Follow(ctx, contact.ID(a))
	other, err2 := s.contacts.Follow(ctx, contact.ID(b))
	return one == other, errors.Join(err1, err2)
}

func (s *Server) showTicket(c *gin.Context, v *doorView, l feedback.Link) {
	s.ticketDoor(c, v, l, http.StatusOK)
}

func (s *Server) ticketDoor(c *gin.Context, v *doorView, l feedback.Link, status int) {
	ctx := c.Request.Context()
	t, err := s.presentTicket(ctx, l.Object)
	if err != nil {
		s.doorLost(c, v, err)
		return
	}
	comments, err1 := s.parts.Tickets.Comments(ctx, t.ID, true, 0)
	files, err2 := s.parts.Tickets.Files(ctx, t.ID)
	rated, _, err3 := s.parts.Feedback.List(ctx, feedback.Query{Reason: t.About(), Kinds: []feedback.Kind{feedback.CSAT}, Limit: 1})
	if err := errors.Join(err1, err2, err3); err != nil {
		s.refuseError(c, err)
		return
	}
	v.Ticket, v.Comments, v.State = &t, comments, v.T["s_"+string(t.State)]
	v.Title = fmt.Sprintf(v.T["ticket"], t.ID, t.Subject)
	v.Files = map[int64][]ticket.File{}
	for _, f := range files {
		v.Files[f.Comment] = append(v.Files[f.Comment], f)
	}
	if t.State.Over() && len(rated) == 0 {
		v.Ask = v.T["rate"]
		for score := 1; score <= 5; score++ {
			v.Scores = append(v.Scores, feedback.Choice{Score: score, Label: strconv.Itoa(score) + " " + strings.Repeat("★", score)})
		}
	}
	switch c.Query("said") {
	case "replied", "rated", "again", "new", "badFile":
		v.Said = v.T[c.Query("said")]
	}
	s.sendDoor(c, status, v)
}

// doorSaid answers a form by the page again, so that a reload sends nothing twice.
func doorSaid(c *gin.Context, v *doorView, what string) {
	c.Redirect(http.StatusSeeOther, v.Here+"?"+url.Values{"lang": {v.Lang}, "said": {what}}.Encode())
}

func (s *Server) actTicket(c *gin.Context, v *doorView, l feedback.Link) {
	ctx := c.Request.Context()
	if err := c.Request.ParseMultipartForm(1 << 20); err != nil {
		v.Wrong = v.T["badFile"]
		s.ticketDoor(c, v, l, http.StatusUnprocessableEntity)
		return
	}
	defer func() { _ = c.Request.MultipartForm.RemoveAll() }() // this copy of the request is not known to net/http
	t, err := s.presentTicket(ctx, l.Object)
	if err != nil {
		s.doorLost(c, v, err)
		return
	}
	text := strings.TrimSpace(c.PostForm("text"))
	switch c.PostForm("do") {
	case "rate":
		score, err := strconv.Atoi(c.PostForm("score"))
		if err != nil || !t.State.Over() {
			s.ticketDoor(c, v, l, http.StatusUnprocessableEntity)
			return
		}
		a, err := s.parts.Feedback.Add(ctx, feedback.Item{Kind: feedback.CSAT, Source: "ticket", Reason: t.About(), Origin: fmt.Sprintf("rating:ticket:%d", t.ID), Score: &score,
			Text: helpCut(text, doorText), Contact: t.Contact, Agent: t.Assignee, Language: v.Lang})
		switch {
		case errors.Is(err, feedback.ErrAsked), err == nil && !a.Fresh:
			doorSaid(c, v, "again")
		case err != nil:
			s.refuseError(c, err)
		default:
			doorSaid(c, v, "rated")
		}
	default:
		if n := len([]rune(text)); n == 0 || n > doorText {
			v.Wrong = v.T["badText"]
			s.ticketDoor(c, v, l, http.StatusUnprocessableEntity)
			return
		}
		s.replyTicket(c, v, &t, text)
	}
}

func (s *Server) replyTicket(c *gin.Context, v *doorView, t *ticket.Ticket, text string) {
	ctx := c.Request.Context()
	comment, _, err := s.parts.Tickets.Comment(ctx, t.ID, text, true, ticket.Customer)
	id, said := t.ID, "replied"
	if errors.Is(err, ticket.ErrClosed) || errors.Is(err, ticket.ErrMerged) { // merged into somebody else's
		var next ticket.Ticket
		next, err = s.parts.Tickets.FollowUp(ctx, t.ID, text, ticket.Customer)
		id, said = next.ID, "new"
	}
	if err != nil {
		s.refuseError(c, err)
		return
	}
	if f, head, err := c.Request.FormFile("file"); err == nil {
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, ticket.MaxFile+1))
		if err == nil {
			_, err = s.parts.Tickets.AddFile(ctx, id, comment.ID, head.Filename, data)
		}
		if err != nil {
			said = "badFile"
		}
	}
	doorSaid(c, v, said)
}

func (s *Server) sendTicketFile(c *gin.Context, v *doorView, l feedback.Link) {
	t, err := s.presentTicket(c.Request.Context(), l.Object)
	if err == nil {
		var f ticket.File
		if f, err = s.parts.Tickets.File(c.Request.Context(), t.ID, c.Param("file")); err == nil {
			sendFile(c, &f)
			return
		}
	}
	s.doorLost(c, v, err)
}

// sendFile sends what a customer attached; nothing in it runs.
func sendFile(c *gin.Context, f *ticket.File) {
	c.Header("Content-Security-Policy", filePolicy)
	place := "attachment"
	if strings.HasPrefix(f.Type, "image/") {
		place = "inline"
	}
	c.Header("Content-Disposition", place+"; filename*=UTF-8''"+url.PathEscape(f.Name))
	c.Header("Cache-Control", "private, no-store")
	c.Data(http.StatusOK, f.Type, f.Data)
}

func (s *Server) showCase(c *gin.Context, v *doorView, l feedback.Link) {
	s.caseDoor(c, v, l, http.StatusOK)
}

func (s *Server) caseDoor(c *gin.Context, v *doorView, l feedback.Link, status int) {
	k, err := s.parts.Feedback.Get(c.Request.Context(), feedback.CaseID(l.Object))
	if err != nil {
		s.doorLost(c, v, err)
		return
	}
	v.Title = v.T["question"]
	if said := c.Query("said"); said == "rated" || said == "again" {
		v.Said = v.T[said]
	} else if k.State == feedback.Told && !s.now().Before(k.AskAt) {
		v.Ask, v.Scores = fmt.Sprintf(v.T["solved"], k.ID.Ref()), feedback.Choices(v.Lang)
	} else {
		v.Text = v.T["early"]
	}
	s.sendDoor(c, status, v)
}

func (s *Server) actCase(c *gin.Context, v *doorView, l feedback.Link) {
	score, err := strconv.Atoi(c.PostForm("score"))
	if err != nil || score < 1 || score > 5 {
		s.caseDoor(c, v, l, http.StatusUnprocessableEntity)
		return
	}
	_, err = s.parts.Feedback.Answer(c.Request.Context(), feedback.CaseID(l.Object), 0, score, helpCut(strings.TrimSpace(c.PostForm("text")), doorText), "customer")
	switch {
	case errors.Is(err, feedback.ErrAsked), errors.Is(err, feedback.ErrMove):
		doorSaid(c, v, "again")
	case err != nil:
		s.refuseError(c, err)
	default:
		doorSaid(c, v, "rated")
	}
}

// TicketFiles is the body of GET /tickets/{id}/files.
type TicketFiles struct {
	Items []ticket.File `json:"items"`
}

func (s *Server) ticketFiles(ctx context.Context, in *ticketInput) (*bodyOf[TicketFiles], error) {
	all, err := s.parts.Tickets.Files(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketFiles]{TicketFiles{all}}, nil
}

type ticketFileInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	File string    `path:"file" maxLength:"64" doc:"id of the file"`
}

// ticketFile sends a file to an agent.
func (s *Server) ticketFile(ctx context.Context, in *ticketFileInput) (*huma.StreamResponse, error) {
	f, err := s.parts.Tickets.File(ctx, in.ID, in.File)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { sendFile(humagin.Unwrap(hc), &f) }}, nil
}
