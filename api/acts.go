package api

import (
	"context"
	"slices"

	"tingxin/admin"
)

// act is what a row of the audit log says was done. Every one is made here, so that the pages have a name for each
// in every language (a test reads them).
type act struct{ name string } // noun.verb

// Act is an act that cmd/pbx writes of customers.
type Act = act

var acts []string // all that can be written, sorted once the package is ready

func newAct(name string) act {
	acts = append(acts, name)
	return act{name}
}

var (
	actAccessUnusual              = newAct("access.unusual")
	actAgentChanged               = newAct("agent.changed")
	actAgentDeleted               = newAct("agent.deleted")
	actAgentForced                = newAct("agent.forced")
	actAgentWrapUpEnded           = newAct("agent.wrap_up_ended")
	actAPIKeyCreated              = newAct("api_key.created")
	actAPIKeyRevoked              = newAct("api_key.revoked")
	actArticleCreated             = newAct("article.created")
	actArticleDeleted             = newAct("article.deleted")
	actArticleFileAdded           = newAct("article.file_added")
	actArticleFileRemoved         = newAct("article.file_removed")
	actArticleMoved               = newAct("article.moved")
	actArticleRolledBack          = newAct("article.rolled_back")
	actArticleSaved               = newAct("article.saved")
	actArticlesExported           = newAct("articles.exported")
	actArticlesImported           = newAct("articles.imported")
	actAssistLookedUp             = newAct("assist.looked_up")
	actBotHandedBack              = newAct("bot.handed_back")
	actBotIntentChanged           = newAct("bot.intent_changed")
	actBotIntentDeleted           = newAct("bot.intent_deleted")
	actBotModelActivated          = newAct("bot.model_activated")
	actBotPolicyChanged           = newAct("bot.policy_changed")
	actBotSessionRead             = newAct("bot.session_read")
	actBotSlotChanged             = newAct("bot.slot_changed")
	actBotSlotForgotten           = newAct("bot.slot_forgotten")
	actBotSlotsRead               = newAct("bot.slots_read")
	actBotToolChanged             = newAct("bot.tool_changed")
	actBotToolDeleted             = newAct("bot.tool_deleted")
	actBotTrained                 = newAct("bot.trained")
	actBotTurnLabelled            = newAct("bot.turn_labelled")
	actCalendarChanged            = newAct("calendar.changed")
	actCalendarDeleted            = newAct("calendar.deleted")
	actCalendarImported           = newAct("calendar.imported")
	actCalendarLive               = newAct("calendar.live")
	actCallHangup                 = newAct("call.hangup")
	actCallHeld                   = newAct("call.held")
	actCallLegAdded               = newAct("call.leg_added")
	actCallLegDropped             = newAct("call.leg_dropped")
	actCallMerged                 = newAct("call.merged")
	actCallParked                 = newAct("call.parked")
	actCallPlaced                 = newAct("call.placed")
	actCallRecordingPause         = newAct("call.recording_pause")
	actCallRecordingResume        = newAct("call.recording_resume")
	actCallRejoined               = newAct("call.rejoined")
	actCallResumed                = newAct("call.resumed")
	actCallSupervised             = newAct("call.supervised")
	actCallTransferred            = newAct("call.transferred")
	actCallWrappedUp              = newAct("call.wrapped_up")
	actCallListAdded              = newAct("call_list.added")
	actCallListChanged            = newAct("call_list.changed")
	actCallListDeleted            = newAct("call_list.deleted")
	actCallListEntryAgain         = newAct("call_list.entry_again")
	actCallListEntryCancelled     = newAct("call_list.entry_cancelled")
	actCallListEntrySkipped       = newAct("call_list.entry_skipped")
	actCallListExported           = newAct("call_list.exported")
	actCallListFilled             = newAct("call_list.filled")
	actCallListImported           = newAct("call_list.imported")
	actCallbackAdded              = newAct("callback.added")
	actCallbackCancelled          = newAct("callback.cancelled")
	actCallbackTaken              = newAct("callback.taken")
	actCaseAnswered               = newAct("case.answered")
	actCaseChanged                = newAct("case.changed")
	actCaseMoved                  = newAct("case.moved")
	actCaseOpened                 = newAct("case.opened")
	actCaseTold                   = newAct("case.told")
	actCategoryNamed              = newAct("category.named")
	actCausePut                   = newAct("cause.put")
	actChannelChanged             = newAct("channel.changed")
	actChannelDeleted             = newAct("channel.deleted")
	actConsentNoticeAdded         = newAct("consent.notice_added")
	actConsentSaid                = newAct("consent.said")
	actConsentSet                 = newAct("consent.set")
	actContactAdded               = newAct("contact.added")
	actContactChanged             = newAct("contact.changed")
	ActContactEraseAsked          = newAct("contact.erase_asked")
	actContactEraseRequested      = newAct("contact.erase_requested")
	actContactErased              = newAct("contact.erased")
	actContactExported            = newAct("contact.exported")
	actContactFieldDeleted        = newAct("contact.field_deleted")
	actContactFieldSet            = newAct("contact.field_set")
	actContactIdentityAdded       = newAct("contact.identity_added")
	actContactIdentityRemoved     = newAct("contact.identity_removed")
	actContactImported            = newAct("contact.imported")
	actContactListDecided         = newAct("contact.list_decided")
	actContactListRequested       = newAct("contact.list_requested")
	actContactListTaken           = newAct("contact.list_taken")
	actContactMergeUndone         = newAct("contact.merge_undone")
	actContactMerged              = newAct("contact.merged")
	actContactNoteAdded           = newAct("contact.note_added")
	actContactNoteDeleted         = newAct("contact.note_deleted")
	actContactRevealed            = newAct("contact.revealed")
	actContactSuggestionDismissed = newAct("contact.suggestion_dismissed")
	ActConversationExported       = newAct("conversation.exported")
	actConversationMerged         = newAct("conversation.merged")
	actConversationSplit          = newAct("conversation.split")
	actConversationUndone         = newAct("conversation.undone")
	actCustomerLinkMade           = newAct("customer_link.made")
	actCustomerLinkRevoked        = newAct("customer_link.revoked")
	actDispositionChanged         = newAct("disposition.changed")
	actDispositionDeleted         = newAct("disposition.deleted")
	actEmotionLabelled            = newAct("emotion.labelled")
	actEmotionLabelsExported      = newAct("emotion.labels_exported")
	actExportDecided              = newAct("export.decided")
	actExportRequested            = newAct("export.requested")
	actExportTaken                = newAct("export.taken")
	actJudgementActivated         = newAct("judgement.activated")
	actJudgementTrained           = newAct("judgement.trained")
	actKbLearnt                   = newAct("kb.learnt")
	actKioskCreated               = newAct("kiosk.created")
	actKioskRevoked               = newAct("kiosk.revoked")
	actLabelDeleted               = newAct("label.deleted")
	actMacroRun                   = newAct("macro.run")
	actMacroUndone                = newAct("macro.undone")
	actMessageDeleted             = newAct("message.deleted")
	actMessageDone                = newAct("message.done")
	actMessageHeard               = newAct("message.heard")
	actMessageUndone              = newAct("message.undone")
	actMessageUnheard             = newAct("message.unheard")
	actPhoneSecret                = newAct("phone.secret")
	actPhoneSecretRemoved         = newAct("phone.secret_removed")
	actPhoneTicket                = newAct("phone.ticket")
	actPracticeCaseAdded          = newAct("practice.case_added")
	actPracticeCaseChanged        = newAct("practice.case_changed")
	actQuestionsLabelled          = newAct("questions.labelled")
	actQueueChanged               = newAct("queue.changed")
	actQueueDeleted               = newAct("queue.deleted")
	actQueueAlertAcknowledged     = newAct("queue_alert.acknowledged")
	actQueueAlertSnoozed          = newAct("queue_alert.snoozed")
	actQueuesApplied              = newAct("queues.applied")
	actRecordingPlayed            = newAct("recording.played")
	actReportRebuilt              = newAct("report.rebuilt")
	actRetentionChanged           = newAct("retention.changed")
	actRetentionDone              = newAct("retention.done")
	actRoleChanged                = newAct("role.changed")
	actScriptDeleted              = newAct("script.deleted")
	actScriptSaved                = newAct("script.saved")
	actSecondFactorAdded          = newAct("second_factor.added")
	actSecondFactorNewCodes       = newAct("second_factor.new_codes")
	actSecondFactorRemoved        = newAct("second_factor.removed")
	actSecurityChanged            = newAct("security.changed")
	actSessionAllEnded            = newAct("session.all_ended")
	actSessionClosed              = newAct("session.closed")
	actSessionEnded               = newAct("session.ended")
	actSessionOpened              = newAct("session.opened")
	actSessionRefused             = newAct("session.refused")
	actSkillChanged               = newAct("skill.changed")
	actSkillDeleted               = newAct("skill.deleted")
	actSLAPolicyDeleted           = newAct("sla_policy.deleted")
	actSLAPolicyPut               = newAct("sla_policy.put")
	actSnippetAdded               = newAct("snippet.added")
	actSnippetChanged             = newAct("snippet.changed")
	actSnippetDeleted             = newAct("snippet.deleted")
	actSuggestionApproved         = newAct("suggestion.approved")
	actSuggestionDismissed        = newAct("suggestion.dismissed")
	actSurveysScheduled           = newAct("surveys.scheduled")
	actTeamChanged                = newAct("team.changed")
	actTeamDeleted                = newAct("team.deleted")
	actThresholdsMoved            = newAct("thresholds.moved")
	actTicketTypePut              = newAct("ticket_type.put")
	actTicketsExported            = newAct("tickets.exported")
	actTriageTrained              = newAct("triage.trained")
	actUserChanged                = newAct("user.changed")
	actUserCreated                = newAct("user.created")
	actUserPassword               = newAct("user.password")
	actWebhookReplayed            = newAct("webhook.replayed")
	actWebhookTested              = newAct("webhook.tested")
	actWorkAssigned               = newAct("work.assigned")
	actWorkMoved                  = newAct("work.moved")
	actWorkRemoved                = newAct("work.removed")
)

// settingActs are those of settings, by kind and by admin.Outcome.Did.
var settingActs = func() map[admin.Kind]map[string]act {
	all := map[admin.Kind]map[string]act{}
	for _, k := range append(slices.Clone(admin.Kinds), admin.KindHours) {
		all[k] = map[string]act{}
		for _, did := range []string{"added", "changed", "removed", "live"} {
			all[k][did] = newAct(string(k) + "." + did)
		}
	}
	return all
}()

func init() {
	slices.Sort(acts)
	acts = slices.Compact(acts)
}

// ActList is the body of GET /audit/acts.
type ActList struct {
	Items []string `json:"items" doc:"noun.verb"`
}

func (s *Server) listActs(context.Context, *struct{}) (*bodyOf[ActList], error) {
	return &bodyOf[ActList]{ActList{acts}}, nil
}

// actOfRecording is by what was asked of a recording.
var actOfRecording = map[string]act{"pause": actCallRecordingPause, "resume": actCallRecordingResume}
