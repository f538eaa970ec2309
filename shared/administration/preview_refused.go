package administration

import (
	"context"
	"time"

	"rollcall/shared/directory"
)

// Ports that administrators only read.
type (
	previewGroups     struct{ directory.Groups }
	previewLeavers    struct{ directory.Leavers }
	previewAliases    struct{ directory.Aliases }
	previewCountries  struct{ directory.Countries }
	previewCounts     struct{ counts }
	counts            = directory.Counts
	previewChains     struct{ directory.Chains }
	previewDeliveries struct{ directory.Deliveries }
	previewSetAsides  struct{ directory.SetAsides }
	previewUsages     struct{ directory.Usages }
	previewTasks      struct{ directory.Tasks }
)

func (previewGroups) CreateGroup(
	context.Context, directory.TenantID, directory.ProviderID, directory.Admit,
	func(directory.Provider) (directory.Group, []directory.ScimID, directory.LogEntry, error),
) (directory.Group, error) {
	return directory.Group{}, errPreview
}

func (previewGroups) UpdateGroup(
	context.Context, directory.TenantID, directory.GroupView, directory.GroupWant, func(directory.GroupView) (directory.GroupChange, error),
) (directory.Group, error) {
	return directory.Group{}, errPreview
}

func (previewGroups) DeleteGroup(
	context.Context, directory.TenantID, directory.Group, func(directory.Group) (directory.LogEntry, error),
) error {
	return errPreview
}

func (previewLeavers) CreateOrRestoreUser(
	context.Context, directory.TenantID, directory.ProviderID, string, directory.Admit,
	func(directory.Provider, []directory.User) (directory.User, directory.LogEntry, error),
) (directory.User, error) {
	return directory.User{}, errPreview
}

func (previewAliases) AddAlias(context.Context, directory.TenantID, string, directory.UserID, time.Time) error {
	return errPreview
}

func (previewCountries) UpdateCountryValue(
	context.Context, directory.TenantID, directory.ProviderID, string, directory.Update[directory.CountryValue],
) (directory.CountryValue, error) {
	return directory.CountryValue{}, errPreview
}

func (previewCounts) CountEntries(context.Context, directory.TenantID, []directory.LogEntry) ([]bool, error) {
	return nil, errPreview
}

func (previewChains) AppendBlock(context.Context, directory.TenantID, directory.ProviderID, directory.Block, []string) error {
	return errPreview
}

func (previewChains) AddLate(context.Context, directory.TenantID, directory.ProviderID, string) error {
	return errPreview
}

func (previewChains) MarkGrown(context.Context, directory.TenantID, directory.ProviderID, time.Time) error {
	return errPreview
}

func (previewChains) ClearGrown(context.Context, directory.GrownChain, time.Time) error {
	return errPreview
}

func (previewChains) EraseEntry(context.Context, directory.TenantID, directory.LogEntry, int64) error {
	return errPreview
}

func (previewDeliveries) AddDelivery(context.Context, directory.TenantID, directory.Delivery) error {
	return errPreview
}

func (previewDeliveries) AddDeliveries(context.Context, directory.TenantID, []directory.Delivery) error {
	return errPreview
}

func (previewDeliveries) FinishDelivery(context.Context, directory.TenantID, directory.Delivery, time.Time) error {
	return errPreview
}

func (previewDeliveries) LeaseQueue(
	context.Context, directory.TenantID, directory.WebhookID, string, time.Time, time.Time,
) (directory.Queue, error) {
	return directory.Queue{}, errPreview
}

func (previewDeliveries) ReleaseQueue(context.Context, directory.Queue) error { return errPreview }

func (previewDeliveries) ResumeQueue(context.Context, directory.TenantID, directory.WebhookID, time.Time) error {
	return errPreview
}

func (previewDeliveries) UpdateDelivery(
	context.Context, directory.TenantID, directory.DeliveryID, func(directory.Delivery) (directory.Delivery, error),
) (directory.Delivery, error) {
	return directory.Delivery{}, errPreview
}

func (previewDeliveries) DropDeliveries(context.Context, time.Time, int) (int, error) {
	return 0, errPreview
}

func (previewSetAsides) UpdateSetAside(
	context.Context, directory.TenantID, directory.DeliveryID, func(directory.Delivery) (directory.Delivery, error),
) (directory.Delivery, error) {
	return directory.Delivery{}, errPreview
}

func (previewUsages) AddUsage(context.Context, directory.TenantID, directory.ProviderID, directory.Usage) error {
	return errPreview
}

func (previewUsages) AddRequests(context.Context, directory.TenantID, directory.ProviderID, directory.RequestReport) error {
	return errPreview
}

func (previewTasks) UpdateTask(
	context.Context, directory.TenantID, directory.TaskID, func(directory.Task) (directory.Task, error),
) (directory.Task, error) {
	return directory.Task{}, errPreview
}
