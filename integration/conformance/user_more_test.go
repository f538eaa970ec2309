package conformance_test

import "strings"

var pathlessCases = []userCase{
	{name: "C7 dotted keys are paths", ops: op("replace", "", `{"name.givenName":"Kim","name.familyName":"Akers"}`), want: `{"name":{"givenName":"Kim","familyName":"Akers"}}`},
	{name: "C7 colon-URN keys are paths", ops: op("replace", "", `{"${ent}:employeeNumber":"8812"}`), want: `{"${ent}":{"employeeNumber":"8812"}}`},
	{name: "C7 core-URN keys are paths", ops: op("replace", "", `{"${core}:title":"T"}`), want: `{"title":"T"}`},
	{name: "C7 filter keys are paths", given: twoMails, ops: op("replace", "", `{"emails[type eq \"work\"].value":"x@y"}`),
		want: `{"emails":[{"value":"x@y","type":"work","primary":true},{"value":"h@contoso.example","type":"home"}]}`},
	{name: "C7 an extension URN holds an object", ops: op("replace", "", `{"${ent}":{"department":"D","division":"V"}}`), want: `{"${ent}":{"department":"D","division":"V"}}`},
	{name: "C7 an extension object merges", given: `{"${ent}":{"department":"D","costCenter":"1"}}`, ops: op("replace", "", `{"${ent}":{"department":"E"}}`), want: `{"${ent}":{"department":"E","costCenter":"1"}}`},
	{name: "C7 a complex value merges", given: `{"name":{"givenName":"Kim","familyName":"A"}}`, ops: op("replace", "", `{"name":{"familyName":"B"}}`), want: `{"name":{"givenName":"Kim","familyName":"B"}}`},
	{name: "C7 Add without a path", ops: op("Add", "", `{"title":"T","nickName":"N"}`), want: `{"title":"T","nickName":"N"}`},
	{name: "C7 one wrong key undoes all", ops: op("replace", "", `{"title":"T","shoeSize":"43"}`), status: 400, scimType: "invalidPath"},
	{name: "C7 one wrong operation undoes those before it", ops: op("Add", "title", `"T"`) + "," + op("Replace", "active", `"perhaps"`), status: 400, scimType: "invalidValue"},
	{name: "C7 operations follow one another", ops: op("Add", "title", `"one"`) + "," + op("Replace", "title", `"two"`), want: `{"title":"two"}`},
	{name: "C7 Remove without a path is refused", ops: op("Remove", "", ""), status: 400, scimType: "noTarget"},
	{name: "C7 a text without a path is refused", ops: op("Replace", "", `"T"`), status: 400, scimType: "invalidValue"},
}

var unknownCases = []userCase{
	{name: "C8 an unknown path is refused", ops: op("Add", "shoeSize", `"43"`), status: 400, scimType: "invalidPath"},
	{name: "C8 an unknown sub-attribute is refused", ops: op("Add", "name.nick", `"K"`), status: 400, scimType: "invalidPath"},
	{name: "C8 an unknown extension is refused", ops: op("Add", "urn:ietf:params:scim:schemas:extension:Nope:2.0:User:tag", `"x"`), status: 400, scimType: "invalidPath"},
	{name: "C8 an unknown attribute of an extension is refused", ops: op("Add", entPath+"shoeSize", `"43"`), status: 400, scimType: "invalidPath"},
	{name: "C8 a dot before an extension attribute is refused", ops: op("Add", entURN+".department", `"D"`), status: 400, scimType: "invalidPath"},
	{name: "C8 Remove of an unknown path is refused", ops: op("Remove", "shoeSize", ""), status: 400, scimType: "invalidPath"},
	{name: "C8 unknown members of an operation are ignored", body: `{"schemas":["${patch}"],"Operations":[{"name":"x","op":"Add","path":"title","value":"T"}],"more":1}`, want: `{"title":"T"}`},
}

var noChangeCases = []userCase{
	{name: "C9 the same value again keeps the version", given: `{"title":"T"}`, ops: op("Replace", "title", `"T"`)},
	{name: "C9 an element that is there keeps the version", given: twoMails, ops: op("Add", "emails", `[{"value":"h@contoso.example","type":"home"}]`)},
	{name: "C9 there and back in one request keeps the version", given: `{"title":"T"}`, ops: op("Replace", "title", `"U"`) + "," + op("Replace", "title", `"T"`)},
	{name: "C9 active as it was keeps the version", ops: op("Replace", "active", `"True"`)},
	{name: "C9 the manager again keeps the version", given: `{"${ent}":{"manager":"${boss}"}}`, ops: op("Add", entPath+"manager", `"${boss}"`)},
	{name: "C9 another case is a change", given: `{"title":"T"}`, ops: op("Replace", "title", `"t"`), want: `{"title":"t"}`},
	{name: "C9 If-Match of the version lets the change through", ops: op("Add", "title", `"T"`), header: []string{"If-Match", `W/"1"`}, want: `{"title":"T"}`},
	{name: "C9 If-Match of another version is refused", ops: op("Add", "title", `"T"`), header: []string{"If-Match", `W/"9"`}, status: 412},
	{name: "C9 If-Match of a star lets the change through", ops: op("Add", "title", `"T"`), header: []string{"If-Match", "*"}, want: `{"title":"T"}`},
}

var readOnlyCases = []userCase{
	{name: "C12 id by path is refused", ops: op("Replace", "id", `"x"`), status: 400, scimType: "mutability"},
	{name: "C12 groups by path is refused", ops: op("Add", "groups", `[{"value":"x"}]`), status: 400, scimType: "mutability"},
	{name: "C12 meta by path is refused", ops: op("Replace", "meta.version", `"x"`), status: 400, scimType: "mutability"},
	{name: "C12 manager.displayName is refused", ops: op("Replace", entPath+"manager.displayName", `"x"`), status: 400, scimType: "mutability"},
	{name: "C12 the same id in a path-less value is let through", ops: op("replace", "", `{"id":"${me}","title":"T"}`), want: `{"title":"T"}`},
	{name: "C12 another id in a path-less value is refused", ops: op("replace", "", `{"id":"${boss}","title":"T"}`), status: 400, scimType: "mutability"},
	{name: "C12 schemas by path is ignored", ops: op("Add", "schemas", `["urn:x:y"]`)},
	{name: "C12 schemas in a path-less value is ignored", ops: op("replace", "", `{"schemas":["urn:x:y"],"title":"T"}`), want: `{"title":"T"}`},
	{name: "C12 schemas inside an extension is ignored", ops: op("replace", "", `{"${ent}":{"schemas":["${ent}"],"department":"D"}}`), want: `{"${ent}":{"department":"D"}}`},
}

var primaryCases = []userCase{
	{name: "C14 an added primary takes it from the others", given: twoMails, ops: op("Add", "emails", `[{"value":"o@x","type":"other","primary":true}]`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":false},{"value":"h@contoso.example","type":"home"},{"value":"o@x","type":"other","primary":true}]}`},
	{name: "C14 a primary set by path takes it from the others", given: twoMails, ops: op("Replace", `emails[type eq "home"].primary`, `"True"`),
		want: `{"emails":[{"value":"w@contoso.example","type":"work","primary":false},{"value":"h@contoso.example","type":"home","primary":true}]}`},
	{name: "C14 two primaries by replace are refused", given: twoMails, ops: op("Replace", "emails", `[{"value":"1","primary":true},{"value":"2","primary":"True"}]`), status: 400, scimType: "invalidValue"},
	{name: "C14 two primaries in one add are refused", ops: op("Add", "roles", `[{"value":"1","primary":true},{"value":"2","primary":true}]`), status: 400, scimType: "invalidValue"},
}

var formatCases = []userCase{
	{name: "C19 no format is checked", ops: op("replace", "", `{"emails[type eq \"work\"].value":"upd-1a2b3c4d","phoneNumbers[type eq \"work\"].value":"call me","preferredLanguage":"upd-2","timezone":"Mars","locale":"?","profileUrl":"upd-3"}`),
		want: `{"emails":[{"value":"upd-1a2b3c4d","type":"work"}],"phoneNumbers":[{"value":"call me","type":"work"}],"preferredLanguage":"upd-2","timezone":"Mars","locale":"?","profileUrl":"upd-3"}`},
	{name: "C19 a time is given back as it was sent", ops: op("Replace", customURN+":since", `"2026-11-02T09:00:00.1234567Z"`), want: `{"${custom}":{"since":"2026-11-02T09:00:00.1234567Z"}}`},
	{name: "C19 blanks around a value stay", ops: op("Replace", "displayName", `"  Kim  "`), want: `{"displayName":"  Kim  "}`},
	{name: "C19 4 KB of text are kept", ops: op("Replace", "title", quote(strings.Repeat("x", 4096))), want: `{"title":"` + strings.Repeat("x", 4096) + `"}`},
	{name: "C19 more than 4 KB of text are refused", ops: op("Replace", "title", quote(strings.Repeat("x", 4097))), status: 400, scimType: "invalidValue"},
	{name: "C19 a request over 1 MB is refused", ops: op("Replace", "title", quote(strings.Repeat("x", 1<<20))), status: 413},
}

var dialectCases = []userCase{
	{name: "6 legacy: one operation for each attribute", ops: op("Add", "displayName", `"Kim Akers"`) + "," + op("Add", workPath, `"k@a"`) + "," + op("Replace", "active", `"False"`),
		want: `{"displayName":"Kim Akers","emails":[{"value":"k@a","type":"work"}],"active":false}`},
	{name: "6 compliant: typed paths and one path-less batch", ops: op("replace", workPath, `"k@a"`) + "," +
		op("replace", "", `{"displayName":"Kim Akers","name.givenName":"Kim","name.familyName":"Akers","${ent}:employeeNumber":"8812","active":false}`),
		want: `{"emails":[{"value":"k@a","type":"work"}],"displayName":"Kim Akers","name":{"givenName":"Kim","familyName":"Akers"},"${ent}":{"employeeNumber":"8812"},"active":false}`},
	{name: "6 both dialects in one request", ops: op("Add", "nickName", `"Babs"`) + "," + op("replace", "", `{"title":"T"}`), want: `{"nickName":"Babs","title":"T"}`},
	{name: "6 compliant disables with a boolean", ops: op("replace", "active", `false`), want: `{"active":false}`},
	{name: "6 the flag in the URL changes nothing", query: "?aadOptscim062020", ops: op("Add", "title", `"T"`), want: `{"title":"T"}`},
	{name: "6 the flag of the way back changes nothing", query: "?AzureAdScimPatch2017", ops: op("replace", "", `{"title":"T"}`), want: `{"title":"T"}`},
	{name: "7.3 Replace sets what is unassigned", ops: op("Replace", "nickName", `"N"`), want: `{"nickName":"N"}`},
	{name: "7.3 Add sets what is assigned", given: `{"nickName":"M"}`, ops: op("Add", "nickName", `"N"`), want: `{"nickName":"N"}`},
	{name: "7.3 a rename keeps the id", ops: op("Replace", "userName", `"renamed-${n}@contoso.example"`), want: `{"userName":"renamed-${n}@contoso.example"}`},
	{name: "7.3 a rename to a taken name is refused", ops: op("Replace", "userName", `"BOSS@contoso.example"`), status: 409, scimType: "uniqueness"},
	{name: "7.3 a rename to a taken name undoes the rest", ops: op("Add", "title", `"T"`) + "," + op("replace", "", `{"userName":"boss@contoso.example"}`), status: 409, scimType: "uniqueness"},
	{name: "7.3 a rename of the case alone", ops: op("Replace", "userName", `"U${n}@CONTOSO.example"`), want: `{"userName":"U${n}@CONTOSO.example"}`},
	{name: "10 PATCH of an unknown user", method: "PATCH", query: "x", ops: op("Add", "title", `"T"`), status: 404},
	{name: "10 a body without operations", body: `{"schemas":["${patch}"]}`, status: 400, scimType: "invalidSyntax"},
	{name: "10 a body without the message's schema", body: `{"Operations":[{"op":"Add","path":"title","value":"T"}]}`, status: 400, scimType: "invalidSyntax"},
	{name: "10 an unknown op", ops: op("Move", "title", `"T"`), status: 400, scimType: "invalidSyntax"},
}

var extensionCases = []userCase{
	{name: "7.5 an enterprise path", ops: op("Add", entPath+"department", `"D"`), want: `{"${ent}":{"department":"D"}}`},
	{name: "7.5 a custom text", ops: op("Add", customURN+":tag", `"x"`), want: `{"${custom}":{"tag":"x"}}`},
	{name: "7.5 a custom integer", ops: op("Add", customURN+":floor", `7`), want: `{"${custom}":{"floor":7}}`},
	{name: "7.5 a custom integer that is none", ops: op("Add", customURN+":floor", `"high"`), status: 400, scimType: "invalidValue"},
	{name: "7.5 a core path fully qualified", ops: op("Add", coreURN+":title", `"T"`), want: `{"title":"T"}`},
	{name: "7.5 a core typed path fully qualified", ops: op("Add", coreURN+":"+workPath, `"k@a"`), want: `{"emails":[{"value":"k@a","type":"work"}]}`},
	{name: "7.5 a core sub-attribute fully qualified", ops: op("Add", coreURN+":name.familyName", `"A"`), want: `{"name":{"familyName":"A"}}`},
	{name: "7.5 two extensions stand side by side", given: `{"${ent}":{"department":"D"}}`, ops: op("Add", customURN+":tag", `"x"`), want: `{"${custom}":{"tag":"x"}}`},
	{name: "C16 department without its URN", ops: op("Add", "department", `"D"`), want: `{"${ent}":{"department":"D"}}`},
	{name: "C16 manager without its URN", ops: op("Add", "manager", `"${boss}"`), want: managed("boss")},
	{name: "C16 a custom attribute without its URN", ops: op("Replace", "badge", `"B"`), want: `{"${custom}":{"badge":"B"}}`},
	{name: "C16 employeeNumber without its URN in a path-less value", ops: op("replace", "", `{"employeeNumber":"1"}`), want: `{"${ent}":{"employeeNumber":"1"}}`},
}

var managerCases = []userCase{
	{name: "7.6 set by a bare id", ops: op("Add", entPath+"manager", `"${boss}"`), want: managed("boss")},
	{name: "7.6 set by an object", ops: op("replace", entPath+"manager", `{"value":"${boss}"}`), want: managed("boss")},
	{name: "7.6 set by an array of one object", ops: op("Add", "manager", `[{"$ref":"http://x/Users/${boss}","value":"${boss}"}]`), want: managed("boss")},
	{name: "7.6 set by its value", ops: op("replace", entPath+"manager.value", `"${boss}"`), want: managed("boss")},
	{name: "7.6 set in a path-less value", ops: op("replace", "", `{"${ent}:manager":"${boss}"}`), want: managed("boss")},
	{name: "7.6 set in the extension's object", ops: op("replace", "", `{"${ent}":{"manager":{"value":"${boss}"}}}`), want: managed("boss")},
	{name: "7.6 changed", given: `{"${ent}":{"manager":"${boss}"}}`, ops: op("replace", entPath+"manager", `"${chief}"`), want: managed("chief")},
	{name: "7.6 cleared by an empty text", given: `{"${ent}":{"manager":"${boss}"}}`, ops: op("replace", entPath+"manager", `""`), want: `{"${ent}":null}`},
	{name: "7.6 cleared by null", given: `{"${ent}":{"manager":"${boss}"}}`, ops: op("Replace", entPath+"manager", `null`), want: `{"${ent}":null}`},
	{name: "7.6 cleared by Remove", given: `{"${ent}":{"manager":"${boss}","department":"D"}}`, ops: op("Remove", entPath+"manager", ""), want: `{"${ent}":{"department":"D"}}`},
	{name: "7.6 cleared when there is none", ops: op("replace", entPath+"manager", `""`)},
	{name: "7.6 cleared by an object with an empty value", given: `{"${ent}":{"manager":"${boss}"}}`, ops: op("replace", entPath+"manager", `{"value":""}`), want: `{"${ent}":null}`},
}

var roleCases = []userCase{
	{name: "16.3 legacy Add with JSON text is kept as sent", ops: op("Add", "roles", `[{"value":"{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}]`),
		want: `{"roles":[{"value":"{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}]}`},
	{name: "16.3 one role by its primary path", ops: op("Add", `roles[primary eq "True"].value`, `"Admin"`), want: `{"roles":[{"value":"Admin","primary":true}]}`},
	{name: "16.3 one role changed by its primary path", given: `{"roles":[{"primary":true,"type":"WindowsAzureActiveDirectoryRole","value":"Admin"}]}`,
		ops: op("Replace", `roles[primary eq "True"].value`, `"User"`), want: `{"roles":[{"primary":true,"type":"WindowsAzureActiveDirectoryRole","value":"User"}]}`},
	{name: "16.3 several parts of a role by its primary path", ops: op("Add", `roles[primary eq "True"].display`, `"D"`) + "," + op("Add", `roles[primary eq "True"].type`, `"T"`) + "," + op("Add", `roles[primary eq "True"].value`, `"V"`),
		want: `{"roles":[{"value":"V","display":"D","type":"T","primary":true}]}`},
	{name: "16.3 complex assignments are added and stay", given: `{"roles":[{"value":"A","primary":false}]}`, ops: op("Add", "roles", `[{"value":"B","primary":false}]`),
		want: `{"roles":[{"value":"A","primary":false},{"value":"B","primary":false}]}`},
	{name: "16.3 assertive assignments replace the whole array", given: `{"roles":[{"value":"A"},{"value":"B"}]}`, ops: op("replace", "roles", `[{"value":"C","display":"C"}]`), want: `{"roles":[{"value":"C","display":"C"}]}`},
	{name: "16.3 assertive assignments of none clear", given: `{"roles":[{"value":"A"}]}`, ops: op("replace", "roles", `[]`), want: `{"roles":null}`},
}

var putCases = []userCase{
	{name: "C12 PUT ignores id, meta and groups", method: "PUT", body: `{"id":"x","meta":{"version":"x"},"groups":[{"value":"x"}],"userName":"u${n}@contoso.example","title":"T"}`, want: `{"title":"T"}`},
	{name: "C12 PUT clears what it leaves out, but not active", given: `{"title":"T","active":false,"${ent}":{"department":"D"}}`, method: "PUT", body: `{"userName":"u${n}@contoso.example"}`, want: `{"title":null,"${ent}":null}`},
	{name: "C8 PUT ignores unknown members and schemas", method: "PUT", body: `{"schemas":["${core}","urn:x:y"],"userName":"u${n}@contoso.example","shoeSize":43,"urn:x:y":{"a":1},"title":"T"}`, want: `{"title":"T"}`},
	{name: "C5 PUT without userName is refused", method: "PUT", body: `{"title":"T"}`, status: 400, scimType: "invalidValue"},
	{name: "C14 PUT with two primaries is refused", method: "PUT", body: `{"userName":"u${n}@contoso.example","emails":[{"value":"1","primary":true},{"value":"2","primary":true}]}`, status: 400, scimType: "invalidValue"},
	{name: "C9 PUT of the same keeps the version", given: `{"title":"T"}`, method: "PUT", body: `{"userName":"u${n}@contoso.example","title":"T"}`},
	{name: "C11 PUT of a taken name is refused", method: "PUT", body: `{"userName":"Boss@Contoso.Example"}`, status: 409, scimType: "uniqueness"},
	{name: "C9 PUT with If-Match of another version is refused", method: "PUT", header: []string{"If-Match", `W/"9"`}, body: `{"userName":"u${n}@contoso.example","title":"T"}`, status: 412},
}
