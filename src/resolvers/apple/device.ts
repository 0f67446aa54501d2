import { Arg, Ctx, Field, FieldResolver, ID, InputType, Mutation, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { AppleDevice, DeviceStatus } from "../../entities/apple/device.js";
import { AppleProvisioningProfile } from "../../entities/apple/provisioning-profile.js";
import type { AppleDeviceRow } from "../../loaders/apple/device.js";
import type { AppleProvisioningProfileRow } from "../../loaders/apple/provisioning-profile.js";
import * as devices from "../../services/apple/device.js";
import { answer, INPUT, listPayloadType, MutationInput, payloadType } from "../payload.js";

const RegisterDevicesPayload = listPayloadType("RegisterDevicesPayload", "devices", () => AppleDevice);
const UpdateDevicePayload = payloadType("UpdateDevicePayload", "device", () => AppleDevice);

/** A device that is to be registered. */
@InputType({ description: "A device that is to be registered." })
class DeviceInput {
  @Field(() => String, { description: "The name: 1 to 100 characters." })
  name!: string;

  @Field(() => String, { description: "Its unique device identifier, in any case, with dashes or without." })
  udid!: string;

  @Field(() => String, { defaultValue: "IOS", description: "Apple's word: IOS, MAC_OS, UNIVERSAL." })
  platform!: string;
}

@InputType({
  description: "Registers devices at Apple. One that Apple knows already is no error: it comes back as it is.",
})
class RegisterDevicesInput extends MutationInput {
  @Field(() => ID, { description: "For which tenant." })
  tenantId!: string;

  @Field(() => ID, { description: "With which key: the tenant's own, or one that is shared with it to sign." })
  credentialId!: string;

  @Field(() => [DeviceInput], { description: `The devices, ${devices.DEVICES_MOST} at most.` })
  devices!: DeviceInput[];
}

@InputType({ description: "Renames, disables or enables a device at Apple." })
class UpdateDeviceInput extends MutationInput {
  @Field(() => ID, { description: "For which tenant." })
  tenantId!: string;

  @Field(() => ID, { description: "With which key: the tenant's own, or one that is shared with it to sign." })
  credentialId!: string;

  @Field(() => String, { description: "Apple's own id of the device." })
  appleId!: string;

  @Field(() => String, { nullable: true, description: "The new name: 1 to 100 characters." })
  name?: string | null;

  @Field(() => DeviceStatus, { nullable: true, description: "ENABLED or DISABLED. Disabling frees no place at Apple." })
  status?: DeviceStatus | null;
}

/** Devices at Apple. */
@Resolver(() => AppleDevice)
export class AppleDeviceResolver {
  @FieldResolver(() => [AppleProvisioningProfile], { description: "The profiles that hold it." })
  provisioningProfiles(
    @Root() device: AppleDeviceRow,
    @Ctx() { loaders }: Context,
  ): Promise<AppleProvisioningProfileRow[]> {
    return loaders.appleProfilesOfDevice.load(device);
  }

  @Mutation(() => RegisterDevicesPayload, {
    description:
      "Registers devices at Apple, each by itself: `userErrors` says which failed. A device that is PROCESSING is in no profile until Apple has done with it, which may take days.",
  })
  registerDevices(@Arg("input", () => RegisterDevicesInput, INPUT) input: RegisterDevicesInput, @Ctx() ctx: Context) {
    return answer(ctx, input, () => devices.register(ctx, input), { devices: [] });
  }

  @Mutation(() => UpdateDevicePayload, { description: "Renames, disables or enables a device at Apple." })
  updateDevice(@Arg("input", () => UpdateDeviceInput, INPUT) input: UpdateDeviceInput, @Ctx() ctx: Context) {
    return answer(ctx, input, async () => ({ device: await devices.update(ctx, input) }));
  }
}
