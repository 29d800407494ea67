-- The health of a UserStreamPipeline in Argo CD, from its conditions.
local health = { status = "Progressing", message = "the operator has not reconciled it yet" }
if obj.status == nil or obj.status.conditions == nil then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function is(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

-- The operator does not reconcile a paused pipeline, so its observedGeneration may stay behind.
if is("ReconciliationPaused") then
  return { status = "Suspended", message = conditions.ReconciliationPaused.message }
end
if obj.status.observedGeneration == nil then
  return health
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not reconciled this change yet" }
end

local ready = conditions.Ready
if ready == nil then
  return health
end
health.message = ready.message
if is("Stalled") then
  health.status = "Degraded"
elseif ready.reason == "Suspended" or ready.reason == "ScaledToZero" or ready.reason == "Planned" then
  health.status = "Suspended"
elseif ready.status == "True" then
  health.status = "Healthy"
elseif obj.status.phase == "Degraded" or ready.reason == "LastRunFailed" then
  health.status = "Degraded"
end
return health
