/* Where our actors say more than Python's did; docs/protocol.md says why. */
#include "robust/replay.h"

#define FRESH "00000000-0000-4000-8000-000000000001"
#define START_ACK(cid) "{'msg_type':'StartAck','cid':'" cid "','functype':'asyncfunc'}"
#define CANCEL_ACK(cid) "{'msg_type':'CancelAck','cid':'" cid "','pld':true}"
#define CANCEL_TASK(target, uid)                                                                                       \
    "{'msg_type':'Start','cid':'" FRESH "','ns':'self','func':'_cancel_task','kwargs':{'cid':'" target "'},'uid':" uid \
    ",'pld_spec':'typing.Any'}"
#define CANCEL(uid)                                                                            \
    "{'msg_type':'Start','cid':'" FRESH "','ns':'self','func':'cancel','kwargs':{},'uid':" uid \
    ",'pld_spec':'typing.Any'}"
#define ERROR(type, uid, canceller, cid)                                                                             \
    "{'msg_type':'Error','src_uid':" uid ",'src_type_str':'" type "','boxed_type_str':'" type "','relay_path':[" uid \
    "],'message':'','tb_str':'','canceller':" canceller ",'sender':nil,'cid':'" cid                                  \
    "','_bad_msg':nil,'_bad_msg_as_dict':nil}"

#define NEVER_STARTS_CID "23645cb7-1435-4668-8905-6f12af60288d"
#define SLEEP_CID "8c026eec-329b-4875-b6db-3934d6281504"
#define SLEEP_ROOT "['root','db6a8e58-a8ce-43bf-a84f-cd9a9d7a766c']"
#define SLEEP_CHILD "['child','fe10cccd-1729-4fb4-97fe-fd67a3b83551']"
#define BUSY_CID "07eb540e-3960-4a2d-930f-622bd7cc08e5"
#define BUSY_ROOT "['root','ae3e0626-84da-4d75-9ae0-79e3886ae394']"
#define BUSY_CHILD "['child','16587457-cd7f-4fb7-a719-be1530b318b1']"
#define UNENCODABLE_CID "3cca4280-0820-42dc-8f78-6402067f9e26"
#define UNENCODABLE_ROOT "['root','4c07dbbc-539a-43a9-b8a1-8773d05599b6']"
#define UNENCODABLE_CHILD "['child','120f8d75-c731-4b19-8770-5a04e8a9f6ac']"

#define MISSING_CID "2150575c-08f9-4358-8daf-a9bdc6d0cfe3"
#define MISSING_ROOT "['root','fb16c431-ab0c-45b0-a189-aa5174752837']"
#define MISSING_CHILD "['child','8780e7ce-acd1-4398-ac18-91f244a23314']"

#define NOT_ASYNC_CID "8457702c-9fe9-4779-94d8-87fc7003b7d3"
#define NOT_ASYNC_CHILD "['child','d7c7a65a-2a7d-4795-821d-900ad45103ea']"
#define STALE_CID "09a1e708-8843-4c49-8d16-e317bcf61acc"
#define GHOST_ROOT "['root','9c30acca-1989-47d3-a4fe-b0780f08daaf']"

const replay_better replay_betters[] = {
    /* Our own child is found without a second connection to it. */
    { "01_spawn_tcp.jsonl", "root", 8, true, { { NULL, NULL } } },
    { "01_spawn_tcp.jsonl", "root", 9, true, { { NULL, NULL } } },
    { "01_spawn_uds.jsonl", "root", 8, true, { { NULL, NULL } } },
    { "01_spawn_uds.jsonl", "root", 9, true, { { NULL, NULL } } },
    { "11_discovery.jsonl", "root", 11, true, { { NULL, NULL } } },
    { "11_discovery.jsonl", "root", 12, true, { { NULL, NULL } } },
    { "11_discovery.jsonl", "root", 18, true, { { NULL, NULL } } },
    { "11_discovery.jsonl", "root", 19, true, { { NULL, NULL } } },
    /* There are no endpoints that are not asynchronous: it is another name that does not exist. */
    { "04_not_exposed.jsonl",
      "child",
      13,
      true,
      { { "child", ERROR("AttributeError", NOT_ASYNC_CHILD, "nil", NOT_ASYNC_CID) } } },
    /* We do not ask a Python child for a name that it does not have: it lives, and is cancelled. */
    { "04b_self_no_such_method.jsonl", "root", 3, true, { { NULL, NULL } } },
    { "04b_self_no_such_method.jsonl",
      "root",
      9,
      true,
      { { "root", CANCEL(MISSING_ROOT) }, { "child", START_ACK(FRESH) }, { "child", CANCEL_ACK(FRESH) } } },
    { "04b_self_no_such_method.jsonl", "root", 10, true, { { NULL, NULL } } },
    /* A name that is not in `self`: the caller is told; a Python actor dies of it. Ours is cancelled here. */
    { "04b_self_no_such_method.jsonl",
      "child",
      9,
      true,
      { { "child", ERROR("AttributeError", MISSING_CHILD, "nil", MISSING_CID) },
        { "root", CANCEL(MISSING_ROOT) },
        { "child", START_ACK(FRESH) },
        { "child", CANCEL_ACK(FRESH) } } },
    { "04b_self_no_such_method.jsonl", "child", 10, true, { { NULL, NULL } } },
    /* Python's root does not heed that its child's boot has failed; ours ends what may be left of it. */
    { "04c_enable_missing_module.jsonl", "root", 4, false, { { "root", CANCEL(GHOST_ROOT) } } },
    /* A call while the boot fails. Python's child did not answer it, ours does if it still hears of it: not played. */
    { "04c_enable_missing_module.jsonl", "child", 3, true, { { NULL, NULL } } },
    /* A context that returns without having started: Python takes the Return for the first value, and hangs. */
    { "05b_context_not_started.jsonl",
      "child",
      15,
      false,
      { { "child", "{'msg_type':'Started','cid':'" NEVER_STARTS_CID "','pld':nil}" } } },
    /* A caller that does not wait any more asks the task to stop. Python's says nothing, */
    { "12d_run_task_cancelled.jsonl",
      "root",
      9,
      false,
      { { "root", CANCEL_TASK(SLEEP_CID, SLEEP_ROOT) },
        { "child", START_ACK(FRESH) },
        { "child", CANCEL_ACK(FRESH) } } },
    /* and its plain functions are silent when they are cancelled. */
    { "12d_run_task_cancelled.jsonl",
      "child",
      14,
      false,
      { { "child", ERROR("ContextCancelled", SLEEP_CHILD, SLEEP_ROOT, SLEEP_CID) } } },
    /* The same when the whole actor is cancelled. */
    { "12_cancel_actor_busy.jsonl",
      "child",
      14,
      false,
      { { "child", ERROR("ContextCancelled", BUSY_CHILD, BUSY_ROOT, BUSY_CID) } } },
    /* Python's root does not notice that its child is dead, and in the end asks it to stop. */
    { "15b_child_killed.jsonl", "root", 14, true, { { NULL, NULL } } },
    /* Something is returned that can't be sent: a Python actor dies half of it, and its caller waits for ever. */
    { "13c_unencodable.jsonl",
      "root",
      9,
      false,
      { { "root", CANCEL_TASK(UNENCODABLE_CID, UNENCODABLE_ROOT) },
        { "child", START_ACK(FRESH) },
        { "child", CANCEL_ACK(FRESH) } } },
    { "13c_unencodable.jsonl",
      "child",
      9,
      false,
      { { "child", ERROR("TypeError", UNENCODABLE_CHILD, "nil", UNENCODABLE_CID) } } },
    /* Who was killed is not found any more: there is no stale entry to be deleted. */
    { "11c_discovery_stale.jsonl",
      "root",
      25,
      true,
      { { "root", "{'msg_type':'Return','cid':'" STALE_CID "','pld':nil}" } } },
    { "11c_discovery_stale.jsonl", "root", 26, true, { { NULL, NULL } } },
    { "11c_discovery_stale.jsonl", "root", 27, true, { { NULL, NULL } } },
    { "11c_discovery_stale.jsonl", "root", 28, true, { { NULL, NULL } } },
    { NULL, NULL, 0, false, { { NULL, NULL } } },
};
