package scim

// multiValue returns a multi-valued attribute with the default sub-attributes (RFC 7643 §2.4).
func multiValue(name, description string, value Attribute, types []string, listDisplay bool) Attribute {
	value.Name, value.Description = "value", "The value itself."
	return Attribute{Name: name, Type: "complex", MultiValued: true, Description: description, SubAttributes: []Attribute{
		value,
		{Name: "display", Description: "A text to show for the value.", unlisted: !listDisplay},
		{Name: "type", Description: "What the value is for.", CanonicalValues: types},
		{Name: "primary", Type: "boolean", Description: "True for the preferred value, at most once."},
	}}
}

func text(name, description string) Attribute { return Attribute{Name: name, Description: description} }

func externalID() Attribute {
	return Attribute{Name: "externalId", CaseExact: true, Description: "The client's own identifier of the resource."}
}

// UserSchema returns the core User schema (RFC 7643 §4.1) with externalId listed, as Entra expects. password is
// accepted and dropped; groups is read-only.
func UserSchema() *Schema {
	return &Schema{ID: UserURN, Name: "User", Description: "User Account", Attributes: []Attribute{
		externalID(),
		{Name: "userName", Required: true, Uniqueness: "server", name: true, Description: "The name the user signs in with."},
		{Name: "name", Type: "complex", Description: "The parts of the user's name.", SubAttributes: []Attribute{
			text("formatted", "The full name as it is shown."),
			text("familyName", "The family name."),
			text("givenName", "The given name."),
			text("middleName", "The middle name."),
			text("honorificPrefix", "The title before the name."),
			text("honorificSuffix", "The suffix after the name."),
		}},
		text("displayName", "The name to show to others."),
		text("nickName", "The casual name."),
		{Name: "profileUrl", Type: "reference", CaseExact: true, ReferenceTypes: []string{"external"},
			Description: "The address of the user's page."},
		text("title", "The job title."),
		text("userType", "The relation to the organization, such as Employee."),
		text("preferredLanguage", "The preferred language, such as en-US."),
		text("locale", "The locale for formats, such as en-US."),
		text("timezone", "The time zone, such as America/Los_Angeles."),
		{Name: "active", Type: "boolean", Description: "False blocks the user; true unless said otherwise.", assigned: true},
		{Name: "password", Mutability: "writeOnly", Returned: "never", Description: "Not kept.", unlisted: true},
		multiValue("emails", "E-mail addresses.", Attribute{}, []string{"work", "home", "other"}, false),
		multiValue("phoneNumbers", "Phone numbers.", Attribute{},
			[]string{"work", "home", "mobile", "fax", "pager", "other"}, false),
		multiValue("ims", "Instant messaging addresses.", Attribute{},
			[]string{"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"}, false),
		multiValue("photos", "Addresses of pictures.",
			Attribute{Type: "reference", CaseExact: true, ReferenceTypes: []string{"external"}, large: true},
			[]string{"photo", "thumbnail"}, false),
		addresses(),
		{Name: "groups", Type: "complex", MultiValued: true, Mutability: "readOnly",
			Description: "The groups the user is a direct member of.", SubAttributes: []Attribute{
				{Name: "value", CaseExact: true, Mutability: "readOnly", Description: "The id of the group."},
				{Name: "$ref", Type: "reference", CaseExact: true, Mutability: "readOnly",
					ReferenceTypes: []string{"Group"}, Description: "The address of the group."},
				{Name: "type", Mutability: "readOnly", CanonicalValues: []string{"direct"},
					Description: "How the user is a member."},
			}},
		multiValue("entitlements", "Entitlements.", Attribute{}, nil, true),
		multiValue("roles", "Roles.", Attribute{}, nil, true),
		multiValue("x509Certificates", "Certificates.", Attribute{Type: "binary", CaseExact: true, large: true}, nil, false),
	}}
}

func addresses() Attribute {
	return Attribute{Name: "addresses", Type: "complex", MultiValued: true, Description: "Postal addresses.",
		SubAttributes: []Attribute{
			text("formatted", "The address as it is shown."),
			text("streetAddress", "Street and number."),
			text("locality", "City."),
			text("region", "State or region."),
			text("postalCode", "Postal code."),
			text("country", "Country."),
			{Name: "type", Description: "What the address is for.", CanonicalValues: []string{"work", "home", "other"}},
			{Name: "primary", Type: "boolean", Description: "True for the preferred address, at most once."},
		}}
}

// EnterpriseUserSchema returns the enterprise extension (RFC 7643 §4.3). manager.$ref and manager.displayName are
// computed by the service, the latter only when a request names it.
func EnterpriseUserSchema() *Schema {
	return &Schema{ID: EnterpriseURN, Name: "EnterpriseUser", Description: "Enterprise User", Attributes: []Attribute{
		text("employeeNumber", "The number the organization gave the user."),
		text("costCenter", "The cost center."),
		text("organization", "The organization."),
		text("division", "The division."),
		text("department", "The department."),
		{Name: "manager", Type: "complex", Description: "The user's manager.", SubAttributes: []Attribute{
			{Name: "value", CaseExact: true, Description: "The id of the manager."},
			{Name: "$ref", Type: "reference", CaseExact: true, Mutability: "readOnly",
				ReferenceTypes: []string{"User"}, Description: "The address of the manager."},
			{Name: "displayName", Mutability: "readOnly", Returned: "request",
				Description: "The manager's displayName."},
		}},
	}}
}

// RollcallUserSchema returns this service's extension, with attributes to map in Entra that no standard schema has.
func RollcallUserSchema() *Schema {
	return &Schema{ID: RollcallURN, Name: "RollcallUser", Description: "Rollcall User",
		Aliases: map[string]string{"c42orgname": "orgName"},
		Attributes: []Attribute{
			text("orgName", "The organization to place the user in, by name."),
			text("employeeType", "The type of employment."),
		}}
}

// GroupSchema returns the core Group schema (RFC 7643 §4.2, displayName required by erratum 5368). members is External.
func GroupSchema() *Schema {
	return &Schema{ID: GroupURN, Name: "Group", Description: "Group", Attributes: []Attribute{
		externalID(),
		{Name: "displayName", Required: true, Uniqueness: "server", name: true, Description: "The name of the group."},
		{Name: "members", Type: "complex", MultiValued: true, External: true, Description: "The direct members.",
			SubAttributes: []Attribute{
				{Name: "value", CaseExact: true, Mutability: "immutable", Description: "The id of the member."},
				{Name: "$ref", Type: "reference", CaseExact: true, Mutability: "immutable",
					ReferenceTypes: []string{"User", "Group"}, Description: "The address of the member."},
				{Name: "type", Mutability: "immutable", CanonicalValues: []string{"User", "Group"},
					Description: "The kind of member."},
				{Name: "display", Mutability: "immutable", Description: "A text to show for the member.", unlisted: true},
			}},
	}}
}
